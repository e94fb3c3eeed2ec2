-- Leases the first ARGV limit reminders of route ARGV due at ARGV for ARGV milliseconds, one a person, under tokens that
-- begin with ARGV. Answers person, reminder, token, tries, score and the person's reminders, six a lease.
if not certified() then return uncertified() end
local route, due, limit, at = ARGV[1], key('due:' .. ARGV[1]), tonumber(ARGV[3]), 0
local ends, out, n = whole(now() + tonumber(ARGV[4])), {}, 0
local someLeased, someLater = call('HLEN', key('leases')) > 0, call('HLEN', key('later')) > 0
local mine, persons, gone, leases, times = {}, {}, {}, {}, {}
while n < limit do
  local page = call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', at, limit)
  for i = 1, #page, 2 do
    local person, id = string.match(page[i], '^([^/]*)/(.*)$')
    if n < limit and not mine[person] and not (someLeased and call('HEXISTS', key('leases'), person) == 1) then
      n = n + 1
      local later = someLater and call('HGET', key('later'), page[i])
      local tries = later and string.match(later, '^%d+') or '0'
      local token = ARGV[5] .. n
      mine[person], persons[n], gone[n] = true, person, page[i]
      leases[2 * n - 1] = person
      leases[2 * n] = writeLease({ id = id, token = token, ends = ends, moved = '0', tries = tries, score = page[i + 1], route = route })
      times[2 * n - 1], times[2 * n] = ends, person
      for _, x in ipairs({ person, id, token, tries, page[i + 1], '' }) do out[#out + 1] = x end
    end
  end
  if #page < 2 * limit then break end
  at = at + limit -- what is leased stays in the set until the end, and others of their persons stay for good
end
if n == 0 then return out end
many('ZREM', due, gone)
many('HSET', key('leases'), leases)
many('ZADD', key('ends'), times)
for i, text in ipairs(values(key('persons'), persons)) do out[6 * i] = text or '' end
return out
