-- Folds a run of entries: ARGV the applied that was read, the applied to move to, then operations with their arguments.
-- Answers false when another has folded. Operations on different fields are gathered, and written once a key.
if not inTerm() then return broken() end
if (call('GET', key('applied')) or '') ~= ARGV[1] then return false end

local writes, leases, routes = {}, {}, {}
local period
local someLeased, someLater = call('HLEN', key('leases')) > 0, call('HLEN', key('later')) > 0

local function gather(command, name, ...)
  local k = command .. ' ' .. name
  local w = writes[k]
  if not w then
    w = { command, name, {} }
    writes[k] = w
  end
  for _, v in ipairs({ ... }) do w[3][#w[3] + 1] = v end
end

-- leaseOf is a person's lease as this run has left it.
local function leaseOf(person)
  if not someLeased then return nil end
  if leases[person] == nil then leases[person] = readLease(call('HGET', key('leases'), person)) or false end
  return leases[person]
end

local ops = {
  head = { 2, function(person, head) gather('HSET', 'heads', person, head) end },
  born = { 2, function(person, head) call('HSETNX', key('heads'), person, head) end },
  rest = { 2, function(person, rest) gather('HSET', 'persons', person, rest) end },
  count = { 2, function(status, n) call('HINCRBY', key('counts'), status, n) end },
  -- What is folded is newer than a deferral; a leased reminder goes back to where the fold says.
  due = { 5, function(person, id, was, is, score)
    local member = person .. '/' .. id
    local later = someLater and call('HGET', key('later'), member)
    if later then
      call('ZREM', key('due:' .. string.match(later, '^%d+ (.*)\n')), member)
      call('HDEL', key('later'), member)
    end
    local l = leaseOf(person)
    if l and l.id == id then
      if l.route ~= is or l.score ~= score or l.tries ~= '0' then
        l.route, l.score, l.tries, l.touched = is, score, '0', true
      end
      return
    end
    if was ~= '' and was ~= is then gather('ZREM', 'due:' .. was, member) end
    if is ~= '' then
      gather('ZADD', 'due:' .. is, score, member)
      routes[is] = true
    end
  end },
  -- The plan of a reminder has moved.
  moved = { 2, function(person, id)
    local l = leaseOf(person)
    if l and l.id == id then l.moved, l.touched = '1', true end
  end },
  open = { 5, function(claim, person, id, attempt, version)
    period = period or vouched() or '-'
    gather('HSET', 'open', claim, table.concat({ person, id, attempt, version, period, '-', '-' }, ' '))
  end },
  -- Whose a claim is.
  claim = { 2, function(claim, person) if claim ~= '' then gather('HSET', 'claims', claim, person) end end },
  unclaim = { 1, function(claim) gather('HDEL', 'claims', claim) end },
  ['on agenda'] = { 3, function(agenda, person, score) gather('ZADD', 'agenda:' .. agenda, score, person) end },
  ['off agenda'] = { 2, function(agenda, person) gather('ZREM', 'agenda:' .. agenda, person) end },
  settle = { 1, function(claim) gather('HDEL', 'open', claim) end },
  -- The message did not leave: the person has not had it. A cap is "time claim time claim …".
  uncap = { 2, function(claim, person)
    local k, kept = key('caps:' .. person), {}
    local caps = call('GET', k)
    if not caps then return end
    for at, by in string.gmatch(caps, '(%S+) (%S+)') do
      if by ~= claim then kept[#kept + 1] = at .. ' ' .. by end
    end
    if #kept == 0 then call('DEL', k) else call('SET', k, table.concat(kept, ' '), 'KEEPTTL') end
  end },
  bar = { 1, function(address) call('SADD', key('bars'), address) end },
  lift = { 1, function(address) call('SREM', key('bars'), address) end },
  on = { 2, function(name, reason) call('HSET', key('switches'), name, reason) end },
  off = { 1, function(name) call('HDEL', key('switches'), name) end },
  to = { 2, function(shard, stamp) gather('HSET', 'to', shard, stamp) end },
}

local i = 3
while i <= #ARGV do
  local op = ops[ARGV[i]]
  op[2](unpack(ARGV, i + 1, i + op[1]))
  i = i + 1 + op[1]
end
for _, w in pairs(writes) do many(w[1], key(w[2]), w[3]) end
for person, l in pairs(leases) do
  if l and l.touched then call('HSET', key('leases'), person, writeLease(l)) end
end
for route in pairs(routes) do call('SADD', key('routes'), route) end
call('SET', key('applied'), ARGV[2])
return 1
