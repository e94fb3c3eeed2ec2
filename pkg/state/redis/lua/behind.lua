-- Answers, for each address of ARGV, how it is barred and how many persons have it as theirs.
if not certified() then return uncertified() end
local barred, out = bars(ARGV), {}
for i, address in ipairs(ARGV) do
  local n = 0
  for _, cell in ipairs(call('HVALS', key('behind:' .. address))) do
    if string.match(cell, ' 1$') then n = n + 1 end
  end
  out[#out + 1] = barred[i]
  out[#out + 1] = n
end
return out
