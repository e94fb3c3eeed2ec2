-- Answers the store's clock.
if not certified() then return uncertified() end
return now()
