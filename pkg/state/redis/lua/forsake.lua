-- Closes claims whose hand-over never began: ARGV claims. Answers 1 for each that is closed now. Confirm's yes and this are
-- both written here, in the attempt, so one of them is first.
local period = certified()
if not period then return uncertified() end
local out, writes = {}, {}
for i, text in ipairs(values(key('open'), ARGV)) do
  local open = readOpen(text)
  out[i] = 0
  if open and open.period == period and (open.wire == '-' or open.wire == 'x') then
    open.wire = 'x'
    writes[#writes + 1], writes[#writes + 2] = ARGV[i], writeOpen(open)
    out[i] = 1
  end
end
many('HSET', key('open'), writes)
return out
