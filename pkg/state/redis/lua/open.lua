-- Answers the open attempts of the claims ARGV, or of all claims where there are none: claim, attempt, …
if not certified() then return uncertified() end
if #ARGV == 0 then return call('HGETALL', key('open')) end
return values(key('open'), ARGV)
