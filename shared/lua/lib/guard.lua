-- lib/guard.lua: what keeps a person who may text from texting too much. Included by admit.lua behind lanes, never run alone.
--
-- Two guards, each off with 0:
--   the day     so many texts in 24 hours, counted from the first. The one that is too many is answered with a notice, those
--               behind it with nothing.
--   the loop    a machine that answers our replies, which we answer, and so on. A round is a text that comes within a short
--               time after our reply was handed on (`replied_ms` of the conversation's hash, written by hand_over.lua); only
--               the first text behind a reply counts. So many rounds in a row (`rally`), and the conversation rests
--               (`resting_ms`: until when): its texts are recorded, and answered with nothing. Nobody is told, since a notice
--               would be answered too. A slower text, a person's, starts the count afresh.
--
-- Atomic with the admission: the text that ends a rally is not stored any more.
local DAY_MS = 24 * 3600 * 1000

local function rests(state, replied_ms, resting_ms, now, most, within_ms, rest_ms)
  if resting_ms then
    if tonumber(resting_ms) > now then return true end
    redis.call('HDEL', state, 'resting_ms')
  end
  if not replied_ms then return false end
  if now - tonumber(replied_ms) > within_ms then
    redis.call('HDEL', state, 'replied_ms', 'rally')
    return false
  end
  redis.call('HDEL', state, 'replied_ms')
  if redis.call('HINCRBY', state, 'rally', 1) < most then return false end
  redis.call('HDEL', state, 'rally')
  redis.call('HSET', state, 'resting_ms', string.format('%.0f', now + rest_ms))
  return true
end

-- The verdict if the text must not pass, else nil; and whether it is the day's first one too many. From ARGV[arg] on: rounds
-- (0: any); how soon a text follows in ms; rest in ms; texts a day (0: any). Those of a guard that is off may be missing, if
-- nothing comes behind them. KEYS[key]: texts of the day. `state`: the conversation's hash, and what it holds.
local function guard(state, replied_ms, resting_ms, arg, key, now)
  local most, a_day = tonumber(ARGV[arg] or 0), tonumber(ARGV[arg + 3] or 0)
  if most > 0 and rests(state, replied_ms, resting_ms, now, most, tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])) then
    return 'looping'
  end
  if a_day == 0 then return nil end
  local n = redis.call('INCR', KEYS[key])
  if n == 1 then redis.call('PEXPIRE', KEYS[key], DAY_MS) end
  if n <= a_day then return nil end
  return 'capped', n == a_day + 1
end
