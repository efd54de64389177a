/**
 * Lua for one `token-bucket` or `gcra` policy: a bucket that holds `extra` and refills by `period` per µs, both in
 * 1/65536 of a unit.
 *
 * Section: debt u48, what is missing from the full bucket. What flows in is rounded down, so never more than the limit.
 */
export const bucketSection = /* lua */ `
    local debt = 0
    if raw then
      local high, low
      high, low, pos = unpack('>HI4', raw, pos)
      debt = high * 4294967296 + low - floor((now - last) * period)
      if debt < 0 then debt = 0 end
    end
    if refunds then
      for i = 1, #refunds, 2 do
        -- What has flowed in since the charge would have flowed over without it.
        local amount = refunds[i] * 65536 - floor((now - refunds[i + 1]) * period)
        if amount > debt then amount = debt end
        if amount > 0 then debt = debt - amount end
      end
    end
    free = floor((extra - debt) / 65536)
    idle[n] = -floor(-debt / period)
    debt = debt + cost * 65536
    reset = -floor(-debt / period)
    if asked > free and isChecked then
      status = 0
      if asked * 65536 > extra then retry = floor(limit * 65536 / period)
      else retry = 1 - floor((extra - debt - (asked - cost) * 65536) / period) end
    end
    -- Settlements may charge far beyond the limit: what does not fit into 48 bits is not counted.
    if debt > 281474976710655 then debt = 281474976710655 end
    out = out .. pack('>HI4', floor(debt / 4294967296), debt % 4294967296)
`;
