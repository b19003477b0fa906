//! Chance, from a seed: the same seed gives the same world.

/// A small generator (`SplitMix64`): good enough to shuffle a world, and nothing to install.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of so many.
    pub(super) fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(of.max(1)).unwrap()).unwrap()
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.pick(100) < chance
    }
}
