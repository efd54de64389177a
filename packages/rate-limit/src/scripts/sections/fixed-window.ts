/**
 * Lua for one `fixed-window` policy: a window opens with an admission and admits `limit` until `period` is over.
 *
 * Section: age of the window's start u48 (µs before the frame's time), count u32.
 */
export const fixedWindowSection = /* lua */ `
    local start, count = now, 0
    if raw then
      local high, low
      high, low, count, pos = unpack('>HI4I4', raw, pos)
      start = last - high * 4294967296 - low
      if count == 0 or now - start >= period then start, count = now, 0 end
    end
    if refunds then
      for i = 1, #refunds, 2 do
        if refunds[i + 1] >= start then count = count - refunds[i] end
        if count < 0 then count = 0 end
      end
    end
    free = limit - count
    reset = start + period - now
    idle[n] = count > 0 and reset or 0
    if asked > free and isChecked then
      status = 0
      retry = asked > limit and period or reset
    end
    -- Settlements may charge far beyond the limit: what does not fit into 32 bits is not counted.
    count = count + cost
    if count > 4294967295 then count = 4294967295 end
    out = out .. pack('>HI4I4', floor((now - start) / 4294967296), (now - start) % 4294967296, count)
`;
