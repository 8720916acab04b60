//! Powers, to the last digit those of V8, JavaScript's most used engine: the mathematics of an operating system's own
//! library would give other last digits on each.
//!
//! The method is that of `e_pow.c` of fdlibm 5.3 (Sun Microsystems, 1993): the binary logarithm of the base in two parts,
//! times the exponent, and 2 to the power of that. Constants are fdlibm's.

use std::f64::consts::{LN_2, LOG2_E};

/// 2 / (3 ln 2), and the same in two parts.
const CP: f64 = 0.9617966939259756;
const CP_HIGH: f64 = 0.9617967009544373;
const CP_LOW: f64 = -7.028461650952758e-9;

/// log2(1.5) in two parts.
const LOG2_OF_1_5: Parts = Parts { high: 0.5849624872207642, low: 1.350039202129749e-8 };

/// ln 2 in two parts.
const LN_2_HIGH: f64 = 0.6931471824645996;
const LN_2_LOW: f64 = -1.904654299957768e-9;

/// 1 / ln 2 in two parts.
const LOG2_E_HIGH: f64 = 1.4426950216293335;
const LOG2_E_LOW: f64 = 1.9259629911266175e-8;

/// Of the series of 3/2 (ln m - 2 s - 2/3 s³), in powers of s².
const LOGARITHM: [f64; 6] = [
    0.5999999999999946,
    0.4285714285785502,
    0.33333332981837743,
    0.272728123808534,
    0.23066074577556175,
    0.20697501780033842,
];

/// Of the series of the exponential function, in powers of z².
const EXPONENTIAL: [f64; 5] = [
    0.16666666666666602,
    -0.0027777777777015593,
    6.613756321437934e-5,
    -1.6533902205465252e-6,
    4.1381367970572385e-8,
];

/// Half a unit in the last place of the largest number, as a logarithm.
const OVERFLOW_TAIL: f64 = 8.008566259537294e-17;

/// Exponents from here on, a little above 2^31, leave a finite power only of what is next to 1.
const LARGE_EXPONENT: f64 = f64::from_bits(0x41E0_0001_0000_0000);

/// The base to the power of the exponent.
pub(crate) fn power(base: f64, exponent: f64) -> f64 {
    if !base.is_finite() || !exponent.is_finite() || base == 0.0 || base.abs() == 1.0 {
        // These are exact everywhere.
        return base.powf(exponent);
    }
    match exponent {
        0.0 => return 1.0,
        1.0 => return base,
        -1.0 => return 1.0 / base,
        2.0 => return base * base,
        0.5 if base > 0.0 => return base.sqrt(),
        _ if base < 0.0 && exponent.fract() != 0.0 => return f64::NAN,
        _ => {}
    }
    let is_negative = base < 0.0 && (exponent % 2.0).abs() == 1.0;
    let magnitude = magnitude(base.abs(), exponent);
    if is_negative { -magnitude } else { magnitude }
}

/// A number as the sum of two, the first with 21 significant bits.
#[derive(Clone, Copy)]
struct Parts {
    high: f64,
    low: f64,
}

/// The power of a base above 0.
fn magnitude(base: f64, exponent: f64) -> f64 {
    let logarithm = match exponent.abs() {
        ..LARGE_EXPONENT => log2(base),
        _ if is_next_to_1(base) => log2_next_to_1(base),
        _ if (base > 1.0) == (exponent > 0.0) => return f64::INFINITY,
        _ => return 0.0,
    };
    let first = high(exponent);
    let low = (exponent - first) * logarithm.high + exponent * logarithm.low;
    exp2(Parts { high: first * logarithm.high, low })
}

/// The number without its lower 32 bits.
fn high(number: f64) -> f64 {
    f64::from_bits(number.to_bits() & 0xFFFF_FFFF_0000_0000)
}

/// The terms' sum; the first is that of the power 0.
fn series(terms: &[f64], variable: f64) -> f64 {
    terms.iter().rev().copied().reduce(|sum, term| term + variable * sum).unwrap_or_default()
}

fn is_next_to_1(base: f64) -> bool {
    const FROM: f64 = f64::from_bits(0x3FEF_FFFF_0000_0000);
    const TO: f64 = f64::from_bits(0x3FF0_0001_0000_0000);
    (FROM..TO).contains(&base)
}

/// By the series of ln(1 + t): t - t²/2 + t³/3 - t⁴/4.
fn log2_next_to_1(base: f64) -> Parts {
    let t = base - 1.0;
    let rest = (t * t) * (0.5 - t * (1.0 / 3.0 - t * 0.25));
    let (u, v) = (LOG2_E_HIGH * t, t * LOG2_E_LOW - rest * LOG2_E);
    let sum = high(u + v);
    Parts { high: sum, low: v - (sum - u) }
}

/// The base is m · 2^n with m next to a centre, 1 or 1.5, and s = (m - centre) / (m + centre).
fn log2(base: f64) -> Parts {
    const TO_1: f64 = f64::from_bits(0x3FF3_988F_0000_0000);
    const TO_1_5: f64 = f64::from_bits(0x3FFB_B67A_0000_0000);
    let (m, n) = mantissa(base);
    let (m, n, centre, of_centre) = match m {
        ..TO_1 => (m, n, 1.0, Parts { high: 0.0, low: 0.0 }),
        ..TO_1_5 => (m, n, 1.5, LOG2_OF_1_5),
        _ => (m / 2.0, n + 1.0, 1.0, Parts { high: 0.0, low: 0.0 }),
    };
    let (difference, inverse) = (m - centre, 1.0 / (m + centre));
    let s = difference * inverse;
    let s_high = high(s);
    let sum_high = high(high(m) + centre);
    let sum_low = m - (sum_high - centre);
    let s_low = inverse * ((difference - s_high * sum_high) - s_high * sum_low);

    let square = s * s;
    let rest = square * square * series(&LOGARITHM, square) + s_low * (s_high + s);
    let square = s_high * s_high;
    let factor_high = high(3.0 + square + rest);
    let factor_low = rest - ((factor_high - 3.0) - square);
    let (u, v) = (s_high * factor_high, s_low * factor_high + factor_low * s);
    let product_high = high(u + v);
    let product_low = v - (product_high - u);
    let z_high = CP_HIGH * product_high;
    let z_low = CP_LOW * product_high + product_low * CP + of_centre.low;
    let sum = high(((z_high + z_low) + of_centre.high) + n);
    Parts { high: sum, low: z_low - (((sum - n) - of_centre.high) - z_high) }
}

/// The number as m · 2^n with m from 1 up to 2.
fn mantissa(number: f64) -> (f64, f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number < f64::MIN_POSITIVE {
        let (m, n) = mantissa(number * EXACT);
        return (m, n - 53.0);
    }
    let exponent = (number.to_bits() >> 52) as i32 - 1_023;
    let fraction = number.to_bits() & ((1 << 52) - 1);
    (f64::from_bits(fraction | 1.0_f64.to_bits()), f64::from(exponent))
}

/// 2 to the power of the sum.
fn exp2(Parts { high: mut p_high, low: p_low }: Parts) -> f64 {
    let sum = p_low + p_high;
    if sum > 1_024.0 || (sum == 1_024.0 && p_low + OVERFLOW_TAIL > sum - p_high) {
        return f64::INFINITY;
    }
    if sum < -1_075.0 || (sum == -1_075.0 && p_low <= sum - p_high) {
        return 0.0;
    }
    let mut n = 0.0;
    if high(sum).abs() > 0.5 {
        n = (high(sum).abs() + 0.5).trunc().copysign(sum);
        p_high -= n;
    }
    let t = high(p_low + p_high);
    let u = t * LN_2_HIGH;
    let v = (p_low - (t - p_high)) * LN_2 + t * LN_2_LOW;
    let z = u + v;
    let w = v - (z - u);
    let square = z * z;
    let t = z - square * series(&EXPONENTIAL, square);
    // fdlibm has `z * t / (t - 2) - (w + z * w)`; V8 puts the parentheses so.
    let r = (z * t) / ((t - 2.0) - (w + z * w));
    scaled(1.0 - (r - z), n as i32)
}

/// Times a power of 2, rounded once.
fn scaled(number: f64, exponent: i32) -> f64 {
    let two_to = |exponent: i32| f64::from_bits(((1_023 + exponent) as u64) << 52);
    let half = exponent / 2;
    number * two_to(half) * two_to(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::power;

    #[test]
    fn powers_are_those_of_v8_to_the_last_bit() {
        for (base, exponent, result) in [
            (0.66, 12.0, 0.006831675453247431),
            (10.0, -5.0, 0.000009999999999999999),
            (10.0, 308.0, 1e308),
            (99.0, 99.0, 3.697296376497268e197),
            (1.0000001, -3e9, 5.148276544216481e-131),
            (0.9999999, 4e9, 1.915131696918784e-174),
            (0.9999999, 2_147_485_000.0, 5.443858633456205e-94),
            (0.9999999, 2_147_485_696.0, 5.44347975406162e-94),
            (-3.7, 7.0, -9493.187713300003),
            (-2.5, -3.0, -0.064),
            (f64::MIN_POSITIVE, 0.9, 1.2960148812536227e-277),
            (5e-324, 0.5000001, 2.2225932845758433e-162),
            (7.0, -370.2, 1.3954220675e-313),
            (1.5, 1750.1, 1.504223860595155e308),
            (8.0, 41.82042503011267, 5.85608128702553e37),
            (3.0, 2.5, 15.588457268119896),
            (0.1, 323.5, 5e-324),
            (2.0, 1023.9999, 1.7975685325879886e308),
        ] {
            assert_eq!(power(base, exponent), result, "{base} {exponent}");
        }
    }

    #[test]
    fn what_is_exact_is_exact() {
        for base in -20_i32..=20 {
            for exponent in 0..=12 {
                let exact = i64::from(base).pow(exponent);
                assert_eq!(power(f64::from(base), f64::from(exponent)), exact as f64);
            }
        }
        assert_eq!(power(9.0, 0.5), 3.0);
        assert_eq!(power(-8.0, -1.0), -0.125);
        assert!(power(-8.0, 1.0 / 3.0).is_nan());
    }

    #[test]
    fn powers_end_at_the_ends_of_numbers() {
        for (base, exponent, result) in [
            (2.0, 1024.0, f64::INFINITY),
            (-2.0, 1025.0, f64::NEG_INFINITY),
            (2.0, -1074.0, 5e-324),
            (2.0, -1075.0, 0.0),
            (1.5, 1e300, f64::INFINITY),
            (1.5, -1e300, 0.0),
            (0.5, 1e300, 0.0),
            (0.5, -1e300, f64::INFINITY),
            (f64::INFINITY, -1.0, 0.0),
            (0.0, -3.0, f64::INFINITY),
            (0.0, 0.0, 1.0),
        ] {
            assert_eq!(power(base, exponent), result, "{base} {exponent}");
        }
    }
}
