-- Answers the heads of persons ARGV.
if not certified() then return uncertified() end
return values(key('heads'), ARGV)
