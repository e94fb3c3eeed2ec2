-- Ends leases: ARGV person, reminder, token, three a lease.
for i = 1, #ARGV, 3 do
  local l = readLease(call('HGET', key('leases'), ARGV[i]))
  if l and l.id == ARGV[i + 1] and l.token == ARGV[i + 2] then endLease(ARGV[i], l) end
end
return 1
