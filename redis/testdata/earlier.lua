-- Applies a commit, as broker.Apply does; doc.go says what is kept where.
--
-- KEYS  1 record  2 members  3 receipts  4 older receipts
-- ARGV  1 writer  2 number, 20 digits  3 name of the commit
--       4 "*" for any version, or "=" and the expected one
--       5 what to do with the value: "k"eep, "p"ut, "d"elete  6 value
--       7 retention in ms  8 topic  9 count of messages  10 messages, framed
--       11 … for each change of a member: "?" require, "+" add, "~" replace or
--       "-" remove; ID; data
--
-- Answers {"ok", version, epoch, seq}, {"stale", number}, or
-- {"conflict", value, version, epoch, seq, {IDs of members that are gone}}.
local record, members, recent, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local writer, number, name, expect = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local retention, count = ARGV[7], tonumber(ARGV[9])

local r = redis.call('HMGET', record, 't', 'e', 's', 'a')
local version, epoch, seq, aged = r[1] or '', r[2], r[3] or '0', tonumber(r[4] or '0')

if epoch then
  local receipt = redis.call('HGET', recent, writer) or redis.call('HGET', older, writer)
  if receipt then
    local last = string.sub(receipt, 1, 20)
    if last == number then
      local space = string.find(receipt, ' ', 21, true)
      return {'ok', string.sub(receipt, space + 1), epoch, string.sub(receipt, 21, space - 1)}
    end
    if last > number then
      return {'stale', last}
    end
  end
end

local gone = {}
for i = 11, #ARGV, 3 do
  if ARGV[i] ~= '+' and redis.call('HEXISTS', members, ARGV[i + 1]) == 0 then
    gone[#gone + 1] = ARGV[i + 1]
  end
end
if #gone > 0 or (expect ~= '*' and expect ~= '=' .. version) then
  return {'conflict', redis.call('HGET', record, 'v'), version, epoch or '', seq, gone}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not epoch then
  epoch, aged = name, now
  redis.call('UNLINK', recent, older)
  redis.call('HSET', record, 'e', epoch, 's', seq, 'a', string.format('%.0f', now))
elseif now - aged >= tonumber(retention) then
  -- Who has not committed since the last time is forgotten. There may be many, so
  -- they are unlinked: freed elsewhere.
  redis.call('UNLINK', older)
  if redis.call('EXISTS', recent) == 1 then
    redis.call('RENAME', recent, older)
  end
  redis.call('HSET', record, 'a', string.format('%.0f', now))
end

if ARGV[5] == 'p' then
  version = name
  redis.call('HSET', record, 'v', ARGV[6], 't', version)
elseif ARGV[5] == 'd' then
  version = name
  redis.call('HDEL', record, 'v')
  redis.call('HSET', record, 't', version)
end

for i = 11, #ARGV, 3 do
  local op = ARGV[i]
  if op == '+' or op == '~' then
    redis.call('HSET', members, ARGV[i + 1], ARGV[i + 2])
  elseif op == '-' then
    redis.call('HDEL', members, ARGV[i + 1])
  end
end

if count > 0 then
  local before = seq
  -- A number would lose digits when it is joined to a string.
  seq = string.format('%.0f', redis.call('HINCRBY', record, 's', count))
  redis.call('PUBLISH', ARGV[8], #epoch .. ' ' .. #version .. ' ' .. before .. ' ' .. epoch .. version .. ARGV[10])
end

redis.call('HSET', recent, writer, number .. seq .. ' ' .. version)
redis.call('HDEL', older, writer)
redis.call('PEXPIRE', recent, retention)
if redis.call('HEXISTS', record, 'v') == 0 and redis.call('EXISTS', members) == 0 then
  redis.call('PEXPIRE', record, retention)
else
  redis.call('PERSIST', record)
end
return {'ok', version, epoch, seq}
