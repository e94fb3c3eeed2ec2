-- Counts one message of a carrier's account, unless a limit stands against it.
-- KEYS: the day's counts, the account's next turn. ARGV: rate a second, messages a day, cost a day, cost of the message, patience in µs.
-- Answers 0 and the wait in µs; 1 at the day's messages, 2 at the day's cost; 3 and how long in µs until there is a turn.
local rate, cap, costs, cost, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local used = redis.call('HMGET', KEYS[1], 'messages', 'cost')
local messages, spent = tonumber(used[1] or 0), tonumber(used[2] or 0)
if cap > 0 and messages >= cap then return {1, 0} end
if costs > 0 and spent + cost > costs then return {2, 0} end
local wait = 0
if rate > 0 then
  local t = redis.call('TIME')
  local now = t[1] * 1000000 + t[2]
  local turn = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now)
  wait = turn - now
  if wait > patience then return {3, wait - patience} end
  turn = turn + math.ceil(1000000 / rate)
  redis.call('SET', KEYS[2], string.format('%.0f', turn), 'PX', math.ceil((turn - now) / 1000) + 1000)
end
redis.call('HINCRBY', KEYS[1], 'messages', 1)
redis.call('HINCRBY', KEYS[1], 'cost', cost)
redis.call('EXPIRE', KEYS[1], 172800)
return {0, wait}
