-- Applies a commit, as broker.Apply does; doc.go says what is kept where.
--
-- KEYS  1 record  2 members  3 receipts  4 older receipts
-- ARGV  1 writer  2 number, 20 digits  3 name of the commit
--       4 "*" for any version, or "=" and the expected one
--       5 retention in ms  6 topic
--       7 what to do with the value: "k"eep, "p"ut, "d"elete  8 value
--       9 count of messages  10 messages, packed
--       11 … for each change of a member: "?" require, "+" add, "~" replace or
--       "-" remove; ID; data
--
-- Answers the receipt, "epoch seq version"; {"stale", number}; or
-- {"conflict", value, version, epoch, seq, {IDs of members that are gone}}.
--
-- Each call of a command costs as much as all that Lua does in between, so the
-- answers of some save others.
local call = redis.call
local record, members, recent, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local writer, number, name, expect = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local retention, op, count = tonumber(ARGV[5]), ARGV[7], tonumber(ARGV[9])

local r = call('HMGET', record, 't', 'e', 's')
local version, epoch, seq = r[1] or '', r[2], r[3] or '0'

if epoch then
  local receipt = call('HGET', recent, writer) or call('HGET', older, writer)
  if receipt then
    local last = string.sub(receipt, 1, 20)
    if last == number then
      return epoch .. ' ' .. string.sub(receipt, 21)
    end
    if last > number then
      return {'stale', last}
    end
  end
end

local gone = {}
for i = 11, #ARGV, 3 do
  if ARGV[i] ~= '+' and call('HEXISTS', members, ARGV[i + 1]) == 0 then
    gone[#gone + 1] = ARGV[i + 1]
  end
end
if #gone > 0 or (expect ~= '*' and expect ~= '=' .. version) then
  return {'conflict', call('HGET', record, 'v'), version, epoch or '', seq, gone}
end

-- A receipt is kept for as long as its key, so that needs a retention still. It is
-- given two, which leaves something to do once in a retention only; an earlier version
-- of this script gives it one at each commit.
local left = epoch and call('PTTL', recent) or -2
local due = left < retention or left > 2 * retention
if due then
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if not epoch then
    epoch = name
    call('UNLINK', recent, older)
    call('HSET', record, 'e', epoch, 's', seq, 'a', string.format('%.0f', now))
  elseif now - tonumber(call('HGET', record, 'a') or '0') >= retention then
    -- Who has not committed since the last time is forgotten. There may be many, so
    -- they are unlinked: freed elsewhere.
    call('UNLINK', older)
    if left ~= -2 then
      call('RENAME', recent, older)
    end
    call('HSET', record, 'a', string.format('%.0f', now))
  end
end

local before = seq
if count > 0 then
  -- A number would lose digits when it is joined to a string.
  seq = string.format('%.0f', tonumber(seq) + count)
end

-- Whether there surely was a value or a member, and whether there surely is one.
local had, has = false, op == 'p'
if op == 'p' then
  version = name
  had = call('HSET', record, 'v', ARGV[8], 't', version, 's', seq) == 0
elseif op == 'd' then
  version = name
  call('HDEL', record, 'v')
  call('HSET', record, 't', version, 's', seq)
elseif count > 0 then
  call('HSET', record, 's', seq)
end
for i = 11, #ARGV, 3 do
  local change = ARGV[i]
  if change == '+' or change == '~' then
    call('HSET', members, ARGV[i + 1], ARGV[i + 2])
  elseif change == '-' then
    call('HDEL', members, ARGV[i + 1])
  end
  had = had or change ~= '+'
  has = has or change ~= '-'
end
if has then
  if not had then
    call('PERSIST', record)
  end
elseif call('HEXISTS', record, 'v') == 0 and call('EXISTS', members) == 0 then
  call('PEXPIRE', record, retention)
end

if count > 0 then
  call('PUBLISH', ARGV[6], epoch .. ' ' .. before .. ' ' .. version .. ' ' .. name .. ' ' .. ARGV[10])
end
call('HSET', recent, writer, number .. seq .. ' ' .. version)
if due then
  call('PEXPIRE', recent, 2 * retention)
end
return epoch .. ' ' .. seq .. ' ' .. version
