-- Answers, for each name of ARGV, whether its switch is on.
if not certified() then return uncertified() end
local out = {}
for i, name in ipairs(ARGV) do out[i] = call('HEXISTS', key('switches'), name) end
return out
