/**
 * Lua that reads the notes of a frame: what is not there for most clients. 28 bytes each:
 *
 *   id c8, expires f64, amount u32, at f64          times in server µs
 *
 *   id            expires              amount                    at
 *   8 × 00        when the ban and     bans so far, for the      when the ban ends
 *                 its back-off end     back-off
 *   7 × 00, 01    end of the strikes   violations                –
 *   random        end of the lease     what goes back then       when it was charged
 *
 * Binds `kept` (leases that live, packed), `live` (their number), `lapsed` (leases that ended, packed), `refunds`
 * (amount, at, amount, at … of what goes back), `strikes`, `strikesUntil`, `bans`, `bannedUntil`, `banForgottenAt`, and
 * in mode `settle`: `settled`, and `cost`, what is to be charged beyond the estimate.
 */
export const readNotes = /* lua */ `
  for _ = 1, noteCount do
    local id, expires, amount, at
    id, expires, amount, at, pos = unpack('>c8dI4d', raw, pos)
    expires, at = expires - shift, at - shift
    if id == '\\0\\0\\0\\0\\0\\0\\0\\0' then
      if expires > now then bans, bannedUntil, banForgottenAt = amount, at, expires end
    elseif id == '\\0\\0\\0\\0\\0\\0\\0\\1' then
      if expires > now then strikes, strikesUntil = amount, expires end
    elseif expires <= now then
      lapsed = lapsed .. pack('>c8dI4d', id, expires, amount, at)
      if amount > 0 then
        refunds = refunds or {}
        refunds[#refunds + 1] = amount
        refunds[#refunds + 1] = at
      end
    elseif mode == 'settle' and id == ARGV[4] then
      settled = 1
      local actual = tonumber(ARGV[5])
      if actual < amount then
        refunds = refunds or {}
        refunds[#refunds + 1] = amount - actual
        refunds[#refunds + 1] = at
      else
        cost = actual - amount
      end
    else
      live = live + 1
      kept = kept .. pack('>c8dI4d', id, expires, amount, at)
      if expires - now > ttl then ttl = expires - now end
    end
  end
`;

/**
 * Lua that counts a violation in `strikes`, and turns enough of them into a ban: `banMs`, doubled with each ban that
 * follows before the back-off is forgotten, at most `maxBanMs`.
 */
export const countStrike = /* lua */ `
  local allowed, within, ban, longest = unpack('>I4ddd', ARGV[6])
  if strikes == 0 then strikesUntil = now + within end
  strikes = strikes + 1
  if strikes >= allowed then
    local length = math.min(longest, ban * 2 ^ math.min(bans, 40))
    bans, bannedUntil, strikes = bans + 1, now + length, 0
    banForgottenAt = bannedUntil + longest
    status, reply[2] = 2, length
  end
`;

/** Lua that binds `notes` and `noteCount`, what is to be written in place of those that were read. */
export const packNotes = /* lua */ `
  if banForgottenAt > now then
    kept = kept .. pack('>c8dI4d', '\\0\\0\\0\\0\\0\\0\\0\\0', banForgottenAt, bans, bannedUntil)
    if banForgottenAt - now > ttl then ttl = banForgottenAt - now end
  end
  if strikes > 0 then
    kept = kept .. pack('>c8dI4d', '\\0\\0\\0\\0\\0\\0\\0\\1', strikesUntil, strikes, 0)
    if strikesUntil - now > ttl then ttl = strikesUntil - now end
  end
  notes, noteCount = kept, #kept / 28
`;
