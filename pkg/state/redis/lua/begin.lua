-- Begins a term: ARGV streams, the identity of the journal's streams. Answers how far the shard is folded, and from and to
-- of the writes across shards. The last terms are remembered, for two projectors may race.
local streams = call('GET', key('streams'))
if streams and ARGV[1] ~= '' and streams ~= ARGV[1] then
  return redis.error_reply('STREAMS the store is the fold of another journal')
end
if ARGV[1] ~= '' then call('SET', key('streams'), ARGV[1]) end
call('ZADD', key('terms'), now(), nonce)
call('ZREMRANGEBYRANK', key('terms'), 0, -17)
return { call('GET', key('applied')) or '', call('HGETALL', key('from')), call('HGETALL', key('to')) }
