-- change_opt_out.lua: opt a person out or in again from elsewhere than their own text: an operator, or Twilio's error 21610.
-- include: optout
--
-- States and the trail: lib/optout.lua. What a person texts is decided in admit.lua. Sent again because the answer got lost:
-- it is so already, 0.
--
-- KEYS: 1 opted out; 2 trail.   ARGV: 1 'out' or 'in'; 2 person; 3 the change.
-- Returns 1, or 0 if it was so already and nothing was done.
-- Atomic because the trail must tell exactly what became of the state.
local change = ARGV[1] == 'out' and opt_out or opt_in
return change(KEYS[1], KEYS[2], ARGV[2], ARGV[3]) and 1 or 0
