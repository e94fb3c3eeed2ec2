-- Writes wire marks and looks at the bars: ARGV address, claim, mark, three an attempt. Answers 0 marked, 1 marked by another
-- before, 2 barred and not marked. Nothing comes between the mark and the look here, nor between the bar and what STOP's handler
-- sees afterwards.
if not certified() then return uncertified() end
local addresses, out = {}, {}
for i = 1, #ARGV, 3 do addresses[#addresses + 1] = ARGV[i] end
local barred = bars(addresses)
for i = 1, #ARGV, 3 do
  local marks, claim, mark = key('marks:' .. ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  local n = (i + 2) / 3
  if barred[n] > 0 and call('HEXISTS', marks, claim) == 0 then
    out[n] = 2
  elseif call('HSETNX', marks, claim, mark) == 1 or call('HGET', marks, claim) == mark then
    out[n] = 0 -- the same mark: this call, sent again after a lost answer
  else
    out[n] = 1
  end
end
return out
