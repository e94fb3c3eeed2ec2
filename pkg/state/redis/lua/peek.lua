-- Answers the scores of the first ARGV limit reminders of route ARGV due at ARGV whose persons have none leased.
if not certified() then return uncertified() end
local due, limit, out, at = key('due:' .. ARGV[1]), tonumber(ARGV[3]), {}, 0
while #out < limit do
  local page = call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', at, limit)
  local persons = {}
  for i = 1, #page, 2 do persons[#persons + 1] = string.match(page[i], '^[^/]*') end
  for i, leased in ipairs(values(key('leases'), persons)) do
    if #out < limit and not leased then out[#out + 1] = page[2 * i] end
  end
  if #page < 2 * limit then break end
  at = at + limit
end
return out
