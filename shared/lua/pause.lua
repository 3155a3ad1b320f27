-- pause.lua: nothing more is sent for an account until someone resumes it. The first cause stands.
--
-- KEYS: 1 paused.   ARGV: 1 pause.   Returns 1 if the account was not paused before, else 0.
return redis.call('SET', KEYS[1], ARGV[1], 'NX') and 1 or 0
