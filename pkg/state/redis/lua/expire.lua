-- Puts back what expired leases held, and answers the store's clock.
if not certified() then return uncertified() end
for _, person in ipairs(call('ZRANGEBYSCORE', key('ends'), '-inf', '(' .. whole(now()), 'LIMIT', 0, 1000)) do
  local l = readLease(call('HGET', key('leases'), person))
  if l then endLease(person, l) else call('ZREM', key('ends'), person) end
end
return now()
