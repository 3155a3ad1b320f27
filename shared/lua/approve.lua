-- approve.lua: the owner lets a waiting sender in.
-- include: jobs lanes
--
-- KEYS: 1 pairing:code; 2 pairing:sender; 3 pairing:pending; 4 approved; 5-9 format lane; 10 opted out.
-- ARGV: 1 stage, 2 payload (format); 3 the request as it was read; 4 code; 5 sender; 6 approval; 7 the person, whatever the
--       channel; 8 notice (optional).
-- Returns 'approved', 'opted_out' (approved, but without a notice: they have texted STOP), or 'gone' if the request is gone
-- or was used meanwhile. Atomic because two people may approve the same code.
if redis.call('GET', KEYS[1]) ~= ARGV[3] then return 'gone' end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[4])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[6])
if redis.call('HEXISTS', KEYS[10], ARGV[7]) == 1 then return 'opted_out' end
if #ARGV >= 8 then append(lane_at(5, 1), 8, 8, now_ms()) end
return 'approved'
