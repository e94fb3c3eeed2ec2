-- The last look at the persons' side: ARGV person, person's version, reminder, token, plan's version, what the attempt is of,
-- claim, address, call, cap, cap's milliseconds, the message's time, twelve an attempt. Answers 0 yes, 1 moved, 2 lost,
-- 3 claim, 4 capped.
if not certified() then return uncertified() end

-- take takes one message from the person's cap; false when it is reached.
local function take(person, claim, cap, per, at)
  local k, kept = key('caps:' .. person), {}
  for t, by in string.gmatch(call('GET', k) or '', '(%S+) (%S+)') do
    if at - t < per then kept[#kept + 1] = t .. ' ' .. by end
  end
  if #kept >= cap then return false end
  kept[#kept + 1] = whole(at) .. ' ' .. claim
  call('SET', k, table.concat(kept, ' '), 'PX', whole(per + 86400000)) -- messages' times are the stations', not the store's
  return true
end

local persons, claims = {}, {}
for i = 1, #ARGV, 12 do persons[#persons + 1], claims[#claims + 1] = ARGV[i], ARGV[i + 6] end
local heads, leases, opens = values(key('heads'), persons), values(key('leases'), persons), values(key('open'), claims)
local out, attempts, writes = {}, {}, {}
for n, claim in ipairs(claims) do attempts[claim] = attempts[claim] or readOpen(opens[n]) end

local function look(n, person, version, id, token, plan, of, claim, address, by, cap, per, at)
  if not heads[n] or string.sub(heads[n], 1, #version + 1) ~= version .. ' ' then return 1 end
  if not holds(readLease(leases[n]), id, token) then return 2 end
  local open = attempts[claim]
  if open and open.version ~= plan then return 2 end
  if not open or open.of ~= of then return 3 end
  if open.wire ~= '-' then return open.by == by and 0 or 3 end
  if tonumber(cap) > 0 and not take(person, claim, tonumber(cap), tonumber(per), tonumber(at)) then return 4 end
  open.wire, open.by = address, by
  writes[#writes + 1], writes[#writes + 2] = claim, writeOpen(open)
  return 0
end

for n = 1, #persons do out[n] = look(n, unpack(ARGV, 12 * n - 11, 12 * n)) end
many('HSET', key('open'), writes)
return out
