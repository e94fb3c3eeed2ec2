-- What a fold of another shard, ARGV, says here, as of its stamp ARGV: who is behind an address, who holds an appointment.
-- A cell keeps the sequence it is as of; an older word about it, of a projector that was held up, is nothing.
if not inTerm() then return broken() end
local cells = { link = 'behind:', hold = 'holders:' }
local i = 3
while i <= #ARGV do
  local k, person, seq, value = key(cells[ARGV[i]] .. ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local was = call('HGET', k, person)
  if not was or tonumber(string.match(was, '^%d+')) <= tonumber(seq) then
    call('HSET', k, person, seq .. ' ' .. value)
    if ARGV[i] == 'hold' then
      -- An appointment that retention has forgotten for all stays for as long as a projector may be held up.
      local live = value ~= ''
      for _, cell in ipairs(live and {} or call('HVALS', k)) do live = live or not string.match(cell, ' $') end
      if live then call('PERSIST', k) else call('EXPIRE', k, 86400) end
    end
  end
  i = i + 5
end
local from = call('HGET', key('from'), ARGV[1])
if not from or tonumber(from) < tonumber(ARGV[2]) then call('HSET', key('from'), ARGV[1], ARGV[2]) end
return 1
