-- Ends a lease: ARGV person, reminder, token.
local l = readLease(call('HGET', key('leases'), ARGV[1]))
if l and l.id == ARGV[2] and l.token == ARGV[3] then endLease(ARGV[1], l) end
return 1
