-- deny.lua: the owner turns a waiting sender down.
--
-- KEYS: 1 pairing:code; 2 pairing:pending.   ARGV: 1 the request as it was read; 2 code.
-- Returns 1, or 0 if the request is gone or was used meanwhile.
-- The sender's mark (pairing:sender) stays for the rest of its hour on purpose: whoever was turned down gets no other code and
-- costs no other SMS until then. The slot among the pending requests is free at once.
-- Atomic because one owner may deny while another approves: exactly one of them counts.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
