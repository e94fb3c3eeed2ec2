-- Says whether the store is the one that the nonce's certificate was made in, and was no replica since.
local c = call('HMGET', key('certificate'), 'nonce', 'data')
if c[1] == nonce and c[2] == string.match(call('INFO', 'replication'), 'master_replid:(%x+)') then return 1 end
return 0
