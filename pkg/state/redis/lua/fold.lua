-- Folds a run of entries: ARGV the applied that was read, the applied to move to, then groups: what to do, a name, how many
-- arguments, and the arguments. Most groups are a command on a key of the shard; the order of groups means nothing. Answers
-- false when another has folded.
if not inTerm() then return broken() end
if (call('GET', key('applied')) or '') ~= ARGV[1] then return false end

local someLeased, someLater = call('HLEN', key('leases')) > 0, call('HLEN', key('later')) > 0
local leases, lists = {}, {}

-- list gathers the arguments of one command on one key.
local function list(command, name)
  local k = command .. name
  local l = lists[k]
  if not l then
    l = { command = command, name = name, n = 0 }
    lists[k] = l
  end
  return l
end

local function add(l, value)
  local n = l.n + 1
  l[n], l.n = value, n
end

-- leaseOf is a person's lease as this run has left it.
local function leaseOf(person)
  if leases[person] == nil then leases[person] = readLease(call('HGET', key('leases'), person)) or false end
  return leases[person]
end

local function due(i)
  local person, id, was, is, score = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local member = person .. '/' .. id
  -- What is folded is newer than a deferral; a leased reminder goes back to where the fold says.
  local later = someLater and call('HGET', key('later'), member)
  if later then
    call('ZREM', key('due:' .. string.match(later, '^%d+ (.*)\n')), member)
    call('HDEL', key('later'), member)
  end
  local l = someLeased and leaseOf(person)
  if l and l.id == id then
    if l.route ~= is or l.score ~= score or l.tries ~= '0' then
      l.route, l.score, l.tries, l.touched = is, score, '0', true
    end
    return
  end
  if was ~= '' and was ~= is then add(list('ZREM', 'due:' .. was), member) end
  if is ~= '' then
    local l = list('ZADD', 'due:' .. is)
    add(l, score)
    add(l, member)
    l.route = is
  end
end

-- The plan of a reminder has moved.
local function moved(i)
  local l = someLeased and leaseOf(ARGV[i])
  if l and l.id == ARGV[i + 1] then l.moved, l.touched = '1', true end
end

-- The message did not leave: the person has not had it. A cap is "time claim time claim …".
local function uncap(i)
  local claim, k, kept = ARGV[i], key('caps:' .. ARGV[i + 1]), {}
  local caps = call('GET', k)
  if not caps then return end
  for at, by in string.gmatch(caps, '(%S+) (%S+)') do
    if by ~= claim then kept[#kept + 1] = at .. ' ' .. by end
  end
  if #kept == 0 then call('DEL', k) else call('SET', k, table.concat(kept, ' '), 'KEEPTTL') end
end

local period
local function open(i)
  period = period or vouched() or '-'
  local l = list('HSET', 'open')
  add(l, ARGV[i])
  add(l, newOpen(ARGV[i + 1], ARGV[i + 2], period))
end

-- A person of whom only the rest was read.
local function born(i) call('HSETNX', key('heads'), ARGV[i], ARGV[i + 1]) end

local function count(i) call('HINCRBY', key('counts'), ARGV[i], ARGV[i + 1]) end

local works = { due = { 5, due }, moved = { 2, moved }, uncap = { 2, uncap }, open = { 3, open }, born = { 2, born }, count = { 2, count } }

local i = 3
while i <= #ARGV do
  local what, name, from = works[ARGV[i]], ARGV[i + 1], i + 3
  local to = from + ARGV[i + 2] - 1
  if what then
    for k = from, to, what[1] do what[2](k) end
  else
    for k = from, to, 1000 do call(ARGV[i], key(name), unpack(ARGV, k, math.min(k + 999, to))) end
  end
  i = to + 1
end
for _, l in pairs(lists) do
  many(l.command, key(l.name), l)
  if l.route then call('SADD', key('routes'), l.route) end
end
local held = {}
for person, l in pairs(leases) do
  if l and l.touched then held[#held + 1], held[#held + 2] = person, writeLease(l) end
end
many('HSET', key('leases'), held)
call('SET', key('applied'), ARGV[2])
return 1
