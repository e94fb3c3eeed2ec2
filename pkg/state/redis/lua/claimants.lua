-- Answers whose the claims ARGV are.
if not certified() then return uncertified() end
return values(key('claims'), ARGV)
