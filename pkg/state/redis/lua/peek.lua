-- Puts back what expired leases held, then answers the scores of the first ARGV limit reminders of route ARGV due at ARGV.
if not certified() then return uncertified() end
for _, person in ipairs(call('ZRANGEBYSCORE', key('ends'), '-inf', '(' .. whole(now()), 'LIMIT', 0, 1000)) do
  local l = readLease(call('HGET', key('leases'), person))
  if l then endLease(person, l) else call('ZREM', key('ends'), person) end
end
local due, limit, out, at = key('due:' .. ARGV[1]), tonumber(ARGV[3]), {}, 0
local someLeased = call('HLEN', key('leases')) > 0
while #out < limit do
  local page = call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', at, limit)
  local persons = {}
  for i = 1, #page, 2 do persons[#persons + 1] = string.match(page[i], '^[^/]*') end
  local leases = someLeased and values(key('leases'), persons) or {}
  for i = 1, #persons do
    if #out < limit and not leases[i] then out[#out + 1] = page[2 * i] end
  end
  if #page < 2 * limit then break end
  at = at + limit
end
return out
