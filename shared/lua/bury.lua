-- bury.lua: give up the head of a lane: keep it as a dead letter and let the lane go on.
-- include: jobs lanes
--
-- States of a record; each is in exactly one of them:
--   lane     it waits for its turn.                                 -> done (hand_over, settle_part), -> letter (this script)
--   letter   kept whole with its cause. Never expires, never moves by itself. -> lane (retry_letter.lua), -> done
--            (drop_letter.lua: an operator, or the retention once somebody has seen it)
--   done     handed on, settled, or dropped.
--
-- A part that was announced (dispatching) when it was buried may be with Twilio: its worker died, or failed in a way that
-- nobody foresaw. Its hash says `dead` now and will be gone in 30 days; the letter stays. So the notes beside the letter keep
-- the ms of the journal entry, and a retry looks for the part at Twilio before it sends it again. One that Twilio has already
-- (accepted) stays accepted; its note sends a very late retry to Twilio's log, too. An empty note: certainly not sent.
-- A callback that comes for a buried part makes it accepted (record_status.lua); a retry finds that and sends nothing.
--
-- What a crash leaves: before this script the head is in its lane, and whoever holds the turn next decides anew; after it,
-- in the letter. Sent again because the answer got lost: the turn is over, 0.
--
-- KEYS: 1-5 the lane; 6 dead; 7 dead letter; 8 its notes; 9-13 the format lane (for an apology); then parts that are dead now;
--       then notes of which texts the apology answers.
-- ARGV: 1 stage, 2 payload; 3 stage, 4 payload (format); 5 turn; 6 records to drop; 7 letter id; 8 letter;
--       9 apology (a reply) or empty; 10 its id; 11 lifetime of those notes in ms; 12.. ids of the parts.
-- Returns 1, or 0 if the turn is no longer current and nothing was done.
-- Atomic because work must be either in its lane or among the dead letters, never in both or neither.
local PART_TTL_MS = 30 * 24 * 3600 * 1000
local lane, now = lane_at(1, 1), now_ms()
local told = redis.call('HMGET', lane.state, lane.stage .. ':failures', lane.stage .. ':story')
local first_answer = 14 + #ARGV - 11
if not advance(lane, ARGV[5], tonumber(ARGV[6]), now) then return 0 end
redis.call('SET', KEYS[7], ARGV[8])
redis.call('ZADD', KEYS[6], now, ARGV[7])
redis.call('HSET', KEYS[8], 'failures', told[1] or '0', 'story', told[2] or '')
for i = 14, first_answer - 1 do
  local part = redis.call('HMGET', KEYS[i], 'state', 'journaled_ms')
  local may_be_sent = part[1] == 'dispatching' or part[1] == 'accepted'
  redis.call('HSET', KEYS[8], ARGV[i - 2], may_be_sent and (part[2] or '0') or '')
  if part[1] and part[1] ~= 'accepted' then
    redis.call('HSET', KEYS[i], 'state', 'dead')
    redis.call('PEXPIRE', KEYS[i], PART_TTL_MS)
  end
end
if ARGV[9] ~= '' then append(lane_at(9, 3), 9, 9, now) end
for i = first_answer, #KEYS do redis.call('SET', KEYS[i], ARGV[10], 'PX', ARGV[11]) end
return 1
