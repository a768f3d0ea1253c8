"""A decoder of airlift's patches, written from docs/delta-format.md alone: slow, and short on purpose."""

import hashlib
import struct
import zlib

M32 = 0xFFFFFFFF
R = [9824, 6560, 4512, 3280, 2464, 2048, 1632, 1392]
RATES = [14000, 11500, 9800, 8500, 7400, 6500, 5700, 5000, 4400, 3900, 3500, 3100, 2700, 2300, 1900, 1000]
SMALL = 896
NONE, WORD, RELATIVE, BACK, CALL, JUMP, LITERAL, JAL, BRANCH, AUIPC, LUI, LOW, SHORT, LONG, FOUND = range(15)


def signed(value, bits):
    return (value & ((1 << bits) - 1) ^ 1 << (bits - 1)) - (1 << (bits - 1))


def limited(value):
    return min(max(value, -32761), 32767)


class Bits:
    """The range coder and what it is told by."""

    def __init__(self, data, hashed):
        self.data, self.at, self.range = data, 4, M32
        self.code = int.from_bytes(data[:4], "big")
        self.hashed = [0] * hashed
        self.slots = {}
        self.models = {}

    def move_up(self):
        while self.range < 1 << 24:
            self.range = self.range << 8 & M32
            self.code = (self.code << 8 | self.data[self.at]) & M32
            self.at += 1

    def nibble(self, *name):
        b, rate = self.models.setdefault(name, ([2048 * i for i in range(17)], iter(RATES)))
        part = self.range >> 15
        n = max(i for i in range(16) if part * b[i] <= self.code)
        self.code -= part * b[n]
        self.range = part * (b[n + 1] - b[n])
        self.move_up()
        rate = next(rate, RATES[-1])
        for i in range(1, 17):
            target = 32 * i if i <= n else 32768 - 32 * (16 - i)
            b[i] += (target - b[i]) * rate >> 16
        return n

    def byte(self, name, upper=0):
        high = self.nibble(name, "upper", upper)
        return high << 4 | self.nibble(name, "lower", high)

    def bit(self, chance):
        bound = (self.range >> 16) * chance
        one = self.code < bound
        if one:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        self.move_up()
        return int(one)

    def modelled(self, *name):
        s = self.slots.get(name, 0)
        one = self.bit(32768 + (s | 7))
        n = s & 7
        error = (32760 if one else -32768) - (s - n)
        self.slots[name] = s + ((2 * error * R[n] + 0x40000) >> 16 & ~7) + (n < 7)
        return one

    def flag(self, name, *contexts):
        hashed = []
        for x in contexts:
            y = x * 0x9E3779B1 & M32
            hashed.append(((y ^ y >> 16) & 0xFFFF) * len(self.hashed) >> 16)
        s = self.slots.get(name, 0)
        z = s + sum(self.hashed[i] for i in hashed)
        k = min(abs(z), 0xCFFF)
        q = 32768 - 4 * (k & 4095) >> (k >> 12)
        chance = q if z < 0 else 65536 - q
        one = self.bit(chance)
        error, n = 65536 * one - chance, s & 7
        self.slots[name] = limited(s + ((error * R[n] + (self.range >> 5 & 0x7FFF8)) >> 16 & ~7) + (n < 7))
        for i in hashed:
            self.hashed[i] = limited(self.hashed[i] + ((error * 1000 + 32768) >> 16))
        return one

    def plain(self, bits):
        self.range >>= bits
        value = self.code // self.range & ((1 << bits) - 1)
        self.code -= value * self.range
        self.move_up()
        return value

    def number(self, kind):
        n = self.nibble("bits", kind)
        if n == 15:
            n += self.nibble("more bits", kind)
        if n == 0:
            return 0
        top = min(n, 4)
        value = 1 << top | self.nibble("top", kind, min(n, 5))
        for part in (n - top - 16, min(n - top, 16)):
            if part > 0:
                value = value << part | self.plain(part)
        return value - 1

    def signed(self, kind):
        value = self.number(kind)
        return -(value >> 1) - 1 if value & 1 else value >> 1


def read_segments(data):
    """(segments, instruction set) of an image; segments are (offset, length, address)."""
    segments, off = [], 24
    if len(data) < 24 or data[0] != 0xE9 or data[1] > 16:
        return [], 0
    for _ in range(data[1]):
        if len(data) - off < 8:
            return [], 0
        addr, length = struct.unpack_from("<II", data, off)
        off += 8
        segments.append((off, length, addr))
        if length > len(data) - off:
            return [], 0
        off += length
    return segments, 1 if data[12] in (0, 2, 9) else 2


def is_code(segment):
    return 0x40000000 <= segment[2] < 0x50000000


def at_offset(segments, off):
    return next((s for s in segments if 0 <= off - s[0] < s[1]), None)


def word_at(data, off):
    return int.from_bytes(data[off:off + 4], "little")


def low_part(i, register):
    """What instruction i adds to the register as a base, or None."""
    store = i & 0x7B == 0x23
    if i >> 15 & 31 != register or not (store or i & 0x7B == 3 or i & 0x7F == 0x67 or i & 0x707F == 0x13):
        return None
    return signed(i >> 25 << 5 | i >> 7 & 31, 12) if store else signed(i >> 20, 12)


def with_low(i, value):
    low = value & 0xFFF
    if i & 0x7B == 0x23:
        return i & 0x1FFF07F | low >> 5 << 25 | (low & 31) << 7
    return i & 0xFFFFF | low << 20


class Decoder:
    def __init__(self, old, patch):
        magic, version, hashed, self.entries, old_len, self.new_len, patch_len = struct.unpack_from("<4sBBHIII", patch)
        assert magic == b"ALD1" and version == 1 and patch_len == len(patch) and old_len == len(old)
        assert zlib.crc32(patch[:84]) == word_at(patch, 84) and hashlib.sha256(old).digest() == patch[20:52]
        self.old, self.new, self.patch = old, bytearray(), patch
        self.bits = Bits(patch[88:], 64 * hashed)
        self.small = 3 * self.entries + 64 * hashed <= SMALL
        self.op = self.at = self.left = 0
        self.place = None
        self.since = self.wrong = self.correction = 0
        self.distances = [1, 1, 1, 1]

    # ---- headers of the stream ----------------------------------------------------------------

    def read_segments(self):
        self.old_segments, old_isa = read_segments(self.old)
        n, self.isa = divmod(self.bits.number(1), 4)
        if self.isa != old_isa:
            self.old_segments = []
        self.segments = []
        off = 24
        for i in range(n):
            before = self.old_segments[i] if i < len(self.old_segments) else (0, 0, 0x3C000000)
            addr = before[2] + self.bits.signed(3) & M32
            length = before[1] + self.bits.signed(4) & M32
            self.segments.append((off + 8, length, addr))
            off += 8 + length

    def read_table(self):
        self.table, address, shift = [], 0, 0
        for _ in range(self.entries):
            address += self.bits.number(3)
            shift += self.bits.signed(4)
            self.table.append((address, shift))

    def moved(self, target):
        key, shift = (target - 0x3C000000 & M32) >> 2, 0
        for address, entry in self.table:
            if address > key:
                break
            shift = entry
        return target + shift & M32

    # ---- place --------------------------------------------------------------------------------

    def find_place(self):
        segment = at_offset(self.segments, len(self.new))
        if segment != self.place:
            self.at = self.left = 0
        self.place = segment
        self.in_code = segment is not None and is_code(segment)

    def instruction_len(self, first):
        if self.isa == 1:
            return 2 if 8 <= first & 15 < 14 else 3
        return 4 if first & 3 == 3 else 2

    def emit(self, byte):
        self.find_place()
        if self.in_code:
            if self.left == 0:
                self.op = byte
                self.left = self.instruction_len(byte)
            self.left -= 1
            self.at = self.at + 1 if self.left else 0
        self.new.append(byte)

    def byte_class(self):
        if not self.in_code:
            return 5 if self.small else 5 + (len(self.new) & 3)
        return self.at + (self.at != 0 and self.isa == 2 and self.op & 3 == 3)

    # ---- units --------------------------------------------------------------------------------

    def is_address(self, w):
        return any(0 <= w - s[2] <= s[1] or
                   (0x3FC00000 <= s[2] < 0x40000000 and w < 0x40000000 and
                    -0x10000 <= w - s[2] < s[1] + 0x40000) for s in self.old_segments)

    def lies_in(self, address, code):
        return any(is_code(s) == code and 0 <= (address & M32) - s[2] < s[1] for s in self.old_segments)

    def find(self, p, avail, a, code):
        """(kind, length, target, form) of what stands at p."""
        length = 4 - (a & 3)
        if (not code or self.isa == 1) and length == 4 and avail >= 4:
            w = word_at(p, 0)
            if self.is_address(w):
                return WORD, 4, w
            if not code and self.isa == 2:
                if self.lies_in(a + w, True):
                    return RELATIVE, 4, a + w & M32
                if avail >= 8 and self.lies_in(a + 4 + word_at(p, 4), True) and self.lies_in(a - w, False):
                    return BACK, 4, a - w & M32
                if p[0] == 4 and avail >= 5:
                    w = word_at(p, 1)
                    if -w & M32 < 0x100000 and self.lies_in(a + 1 + w, False):
                        return RELATIVE, 5, a + 1 + w & M32
        if not code:
            return NONE, min(length, avail), 0
        return self.find_xtensa(p, avail, a) if self.isa == 1 else self.find_riscv(p, avail, a)

    def find_xtensa(self, p, avail, a):
        if avail < 3:
            return NONE, avail, 0
        w, length = int.from_bytes(p[:3], "little"), self.instruction_len(p[0])
        if w & 15 == 5:
            return CALL, length, (a & ~3) + 4 * signed(w >> 6, 18) + 4 & M32
        if w & 0x3F == 6:
            return JUMP, length, a + signed(w >> 6, 18) + 4 & M32
        if w & 15 == 1:
            return LITERAL, length, (a + 3 & ~3) + (w >> 8 << 2) - 0x40000 & M32
        return NONE, length, 0

    def find_riscv(self, p, avail, a):
        if avail < 2:
            return NONE, 1, 0
        if p[0] & 3 != 3:
            return NONE, 2, 0
        if avail < 4:
            return NONE, avail, 0
        w = word_at(p, 0)
        op, rd, rs = w & 0x7F, w >> 7 & 31, w >> 15 & 31
        if op == 0x6F:
            off = signed(w >> 31 << 20 | (w >> 12 & 255) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 1023) << 1, 21)
            return JAL if rd else BRANCH, 4, a + off & M32
        if op == 0x17:
            low = low_part(word_at(p, 4), rd) if avail >= 8 else None
            return (NONE, 4, 0) if low is None else (AUIPC, 8, a + (w & 0xFFFFF000) + low & M32)
        if op == 0x37:
            self.uppers.pop(rd, None)
            off = 4
            while off + 4 <= avail and off < 32:
                if p[off] & 3 != 3:
                    off += 2
                    continue
                low = low_part(word_at(p, off), rd)
                if low is not None:
                    target = (w & 0xFFFFF000) + low & M32
                    if self.is_address(target):
                        self.uppers[rd] = (w & 0xFFFFF000, a)
                        return LUI, 4, target
                    break
                off += 4
            return NONE, 4, 0
        if rs in self.uppers and a - self.uppers[rs][1] < 128:
            low = low_part(w, rs)
            if low is not None and self.is_address(self.uppers[rs][0] + low & M32):
                target = self.uppers[rs][0] + low & M32
                if op == 0x13 and rd == rs:
                    del self.uppers[rs]
                return LOW, 4, target
        return NONE, 4, 0

    def encode(self, p, kind, a, target):
        """The field p, with another target."""
        value = target - a & M32
        if kind == WORD:
            return struct.pack("<I", target)
        if kind == RELATIVE:
            return p[:len(p) - 4] + struct.pack("<I", value - (len(p) - 4) & M32)
        if kind == BACK:
            return struct.pack("<I", -value & M32)
        if kind in (CALL, JUMP):
            off = (target - (a & ~3) - 4 & M32) >> 2 if kind == CALL else value - 4
            return (p[0] & 0x3F | (off & 0x3FFFF) << 6).to_bytes(3, "little")
        if kind == LITERAL:
            return p[:1] + struct.pack("<H", (target - (a + 3 & ~3) >> 2) & 0xFFFF)
        w = word_at(p, 0)
        if kind in (JAL, BRANCH):
            return struct.pack("<I", w & 0xFFF | (value >> 20 & 1) << 31 | (value >> 1 & 1023) << 21 |
                               (value >> 11 & 1) << 20 | (value >> 12 & 255) << 12)
        if kind == LOW:
            return struct.pack("<I", with_low(w, target))
        value = value if kind == AUIPC else target
        first = struct.pack("<I", w & 0xFFF | value + 0x800 & 0xFFFFF000)
        return first if kind == LUI else first + struct.pack("<I", with_low(word_at(p, 4), value))

    def find_literal(self, f_segment, t_segment, old_target, target):
        old_at, at, end = old_target - f_segment[2], target - t_segment[2], min(t_segment[1], len(self.new) - t_segment[0])
        if not (0 <= old_at <= f_segment[1] - 4 and 0 <= at <= end - 4):
            return None
        word = word_at(self.old, f_segment[0] + old_at)
        word = self.moved(word) if self.is_address(word) else word
        for off in [0] + [o for i in range(4, 129, 4) for o in (-i, i)]:
            if 0 <= at + off <= end - 4 and word_at(self.new, t_segment[0] + at + off) == word:
                return target + off
        return None

    def units(self, new, begin, length):
        """(group, bytes as predicted, hash) of each unit of a stretch."""
        self.find_place()
        source, segments = (self.new, self.segments) if new else (self.old, self.old_segments)
        self.uppers, f, rest, left = {}, begin, min(self.left, length), length
        while left:
            t = len(self.new)
            avail = min(left, 40, t - f if new else 40)
            p = bytes(source[f:f + avail])
            fs, ts = at_offset(segments, f), at_offset(self.segments, t)
            group, target, kind = NONE, 0, NONE
            if rest:
                n = min(rest, avail)
                rest -= n
                prediction = p[:n]
            elif fs is None or ts is None or (new and not is_code(ts)):
                n = avail if new else min(avail, 4 - (t & 3))
                prediction = p[:n]
            else:
                a, addr, code = fs[2] + f - fs[0], ts[2] + t - ts[0], new or is_code(fs)
                kind, n, target = self.find(p, avail, a, code)
                prediction, group = p[:n], kind
                if kind == NONE and code:
                    group = SHORT if n == 2 else LONG
            h = target
            if kind == NONE:
                h = 0
                for x in p[:n]:
                    h = (h << 8 ^ h >> 24 ^ x) & M32
            h = (h ^ group << 27) * 0x9E3779B1 & M32
            h ^= h >> 15
            if kind != NONE and not (new and kind in (JUMP, BRANCH)):
                to = target
                if not new:
                    if 0 <= (target - (a - (f - begin)) & M32) < length:
                        to = target + addr - a & M32
                    else:
                        to = self.moved(target)
                    if kind == LITERAL:
                        found = self.find_literal(fs, ts, target, to)
                        if found is not None:
                            group, to = FOUND, found
                prediction = self.encode(p[:n], kind, addr, to)
            yield group, kind, prediction, h
            f += n
            left -= n

    # ---- blocks -------------------------------------------------------------------------------

    def similar(self, begin, length):
        for group, kind, predicted, h in self.units(False, begin, length):
            flag = self.bits.flag(("unit", group, self.since.bit_length()), 16 * group + self.wrong, h)
            fixed = 0
            for i, byte in enumerate(predicted):
                if flag:
                    if (i + 1 == len(predicted) and not fixed) or self.bits.flag(
                            ("byte", group, 2 * i + fixed), group << 20 | i << 16 | 1 << 24 | self.correction, h + 1 + i & M32):
                        self.correction = self.bits.byte(("correction", kind != NONE))
                        byte, fixed = byte + self.correction & 255, 1
                self.emit(byte)
            self.wrong = (self.wrong << 1 | flag) & 15
            self.since = 0 if flag else min(self.since + 1, 255)

    def literal(self):
        opcode = None
        if self.in_code and self.at and not self.small:
            opcode = (self.op if self.isa == 1 else self.op >> 2) & 15
        self.emit(self.bits.byte(("literal", self.byte_class()), opcode))

    def match(self, items):
        kind = self.bits.nibble("match", items)
        if kind == 0:
            length = self.bits.number(5) + 2
            off = self.old_place + self.bits.signed(6)
            assert 0 <= off <= len(self.old) - length
            self.old_place = off
        else:
            if kind == 1:
                length = self.bits.number(8) + 2
                distance = self.bits.number(9 if length < 4 else 10 if length < 8 else 11) + 1
                self.distances = [distance] + self.distances[:3]
            else:
                self.distances.insert(0, self.distances.pop(kind - 2))
                length = self.bits.number(7) + 1
            off = len(self.new) - self.distances[0]
            assert off >= 0
        for _, _, predicted, _ in self.units(kind != 0, off, length):
            for byte in predicted:
                self.emit(byte)
        self.old_place += length
        return length

    def extra(self, length):
        items = 0
        while length:
            self.find_place()
            if self.bits.modelled("is match", self.byte_class(), items):
                length -= self.match(items)
                items = (items << 1 | 1) & 7
                continue
            self.literal()
            self.old_place += 1
            length -= 1
            items = items << 1 & 7

    def run(self):
        self.read_segments()
        self.read_table()
        checked = behind = 0
        while True:
            made = len(self.new)
            if made != checked and (made - checked >= 65536 or made == self.new_len):
                h = 0
                for byte in self.new[checked:]:
                    h = (h ^ byte) * 0x01000193 & M32
                assert self.bits.plain(16) == h >> 16
                checked = made
            if made == self.new_len:
                break
            similar, extra = self.bits.number(0), self.bits.number(1)
            begin = behind + self.bits.signed(2)
            self.old_place = begin + similar
            behind = self.old_place + extra
            self.similar(begin, similar)
            self.extra(extra)
        assert 88 + self.bits.at == len(self.patch)
        assert hashlib.sha256(self.new).digest() == self.patch[52:84]
        return bytes(self.new)


def apply(old, patch):
    return Decoder(old, patch).run()
