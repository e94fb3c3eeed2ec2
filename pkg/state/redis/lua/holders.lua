-- Answers, for each appointment of ARGV, who holds or held it: person, cell, …
if not certified() then return uncertified() end
local out = {}
for _, appointment in ipairs(ARGV) do out[#out + 1] = call('HGETALL', key('holders:' .. appointment)) end
return out
