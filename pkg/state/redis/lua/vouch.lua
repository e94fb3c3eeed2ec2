-- Renews the certificate for ARGV milliseconds, under the fence ARGV. A lapse begins a new period. Another's certificate is
-- taken over when its fence is lower, or when it has lapsed and the fence is the same; that of one of the projector's own former
-- terms, ARGV, at once.
if not inTerm() then return broken() end
local c = call('HMGET', key('certificate'), 'nonce', 'at', 'until', 'period', 'fence', 'data')
local live = c[1] and now() >= tonumber(c[2]) and now() <= tonumber(c[3])
local fence, period = tonumber(ARGV[2]), 1
-- The replication id changes with every promotion: an old master that came back is another store.
local data = string.match(call('INFO', 'replication'), 'master_replid:(%x+)')
if c[1] == nonce then
  if c[6] ~= data then return broken() end
  period = tonumber(c[4])
  if not live then period = period + 1 end
elseif c[1] and not string.find(ARGV[3], c[1], 1, true) and (tonumber(c[5]) > fence or (live and tonumber(c[5]) == fence)) then
  return redis.error_reply('FENCED another projector vouches for the state')
end
call('HSET', key('certificate'), 'nonce', nonce, 'at', whole(now()), 'until', whole(now() + tonumber(ARGV[1])),
  'period', whole(period), 'fence', ARGV[2], 'data', data)
return 1
