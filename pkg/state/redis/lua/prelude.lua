-- What every script begins with; "nonce" stands before it. KEYS[1] is the shard's name, which all of its keys begin with,
-- KEYS[2] the same and the name of the part to run; see State.keys.
local base = KEYS[1]
local part = string.sub(KEYS[2], #base + 3)
local call = redis.call
local function key(name) return base .. ':' .. name end

-- now is the store's clock in milliseconds, the same all through a script.
local clock
local function now()
  if not clock then
    local t = call('TIME')
    clock = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return clock
end

-- whole writes a number without an exponent.
local function whole(n) return string.format('%.0f', n) end

-- vouched names the unbroken certified period that now is in, and by whose nonce; false when nobody vouches.
local function vouched()
  local c = call('HMGET', key('certificate'), 'nonce', 'at', 'until', 'period')
  if not c[1] or now() < tonumber(c[2]) or now() > tonumber(c[3]) then return false end
  return c[1] .. '.' .. c[4], c[1]
end

-- certified is vouched for the one whose nonce this script bears.
local function certified()
  local period, by = vouched()
  return by == nonce and period
end

local function uncertified() return redis.error_reply('UNCERTIFIED nobody vouches for the state now') end

-- A term is a projector's time in office, which the store forgets with everything else.
local function inTerm() return call('ZSCORE', key('terms'), nonce) end

local function broken() return redis.error_reply('BROKEN the store is not the one that the term began in') end

-- many runs a command with a long list of arguments, some at a time: pairs stay together.
local function many(command, k, list)
  for i = 1, #list, 1000 do call(command, k, unpack(list, i, math.min(i + 999, #list))) end
end

-- values reads fields of a hash, of any number.
local function values(k, fields)
  local out = {}
  for i = 1, #fields, 1000 do
    for j, v in ipairs(call('HMGET', k, unpack(fields, i, math.min(i + 999, #fields)))) do out[i + j - 1] = v end
  end
  return out
end

-- bars says of each of some addresses how it is barred: 0 not, 1 by its own STOP, 2 by a clerk or a carrier's list.
local function bars(addresses)
  local out = call('SMISMEMBER', key('bars'), unpack(addresses))
  for i, own in ipairs(call('SMISMEMBER', key('stops'), unpack(addresses))) do
    if out[i] == 1 then out[i] = 2 elseif own == 1 then out[i] = 1 end
  end
  return out
end

-- A lease is "reminder token ends moved tries score route": moved is 1 when the plan has moved on since, route and score
-- are where the reminder goes back to, "" when it does not.
local function readLease(text)
  if not text then return nil end
  local id, token, ends, moved, tries, score, route = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  return { id = id, token = token, ends = ends, moved = moved, tries = tries, score = score, route = route }
end

local function writeLease(l)
  return l.id .. ' ' .. l.token .. ' ' .. l.ends .. ' ' .. l.moved .. ' ' .. l.tries .. ' ' .. l.score .. ' ' .. l.route
end

-- endLease takes a person's lease away and puts the reminder back where it waits.
local function endLease(person, l)
  call('HDEL', key('leases'), person)
  call('ZREM', key('ends'), person)
  if l.route ~= '' then call('ZADD', key('due:' .. l.route), l.score, person .. '/' .. l.id) end
end

-- holds says whether token is the live lease of a reminder whose plan has not moved.
local function holds(l, id, token)
  return l and l.id == id and l.token == token and now() <= tonumber(l.ends) and l.moved == '0'
end

-- An open attempt is "version period wire call person reminder attempt": version is the plan's, period the certified one that
-- its intent was folded in or "-", wire the address that Confirm, called call, let it go to, "-" none, "x" never. The last
-- three are what it is of.
local function readOpen(text)
  if not text then return nil end
  local version, period, wire, by, of = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (.*)$')
  return { version = version, period = period, wire = wire, by = by, of = of }
end

local function writeOpen(o)
  return o.version .. ' ' .. o.period .. ' ' .. o.wire .. ' ' .. o.by .. ' ' .. o.of
end

local function newOpen(version, of, period) return version .. ' ' .. period .. ' - - ' .. of end
