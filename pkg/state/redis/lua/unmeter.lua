-- Takes back what meter.lua counted. KEYS: the day's counts. ARGV: the cost.
if tonumber(redis.call('HGET', KEYS[1], 'messages') or 0) < 1 then return 0 end
redis.call('HINCRBY', KEYS[1], 'messages', -1)
if redis.call('HINCRBY', KEYS[1], 'cost', -tonumber(ARGV[1])) < 0 then redis.call('HSET', KEYS[1], 'cost', 0) end
return 1
