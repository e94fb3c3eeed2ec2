if not certified() then return uncertified() end
return 1
