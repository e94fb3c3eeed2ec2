-- Gives a lease back until ARGV: person, reminder, token, score, route. Answers 0 when it was not held.
-- A deferral is "tries route\nroute before the first".
local person, id, route = ARGV[1], ARGV[2], ARGV[5]
local l = readLease(call('HGET', key('leases'), person))
if not holds(l, id, ARGV[3]) then return 0 end
if l.route ~= '' then
  local member = person .. '/' .. id
  local later = call('HGET', key('later'), member)
  local home = later and string.match(later, '\n(.*)$') or l.route
  if route == '' then route = home end
  call('HSET', key('later'), member, string.format('%d %s\n%s', l.tries + 1, route, home))
  call('SADD', key('routes'), route)
  l.route, l.score = route, ARGV[4]
end
endLease(person, l)
return 1
