// The two transcendental functions that stand in inner loops, written so that the compiler can vectorize the loop
// around them; libm's take 6 and 20 ns a number, a third of an encoder's run. Coefficients are minimax fits made by
// Tools/oracle/fit_exponentials.py; the tests compare both functions with libm in double precision.

/// `exp(x)`, relative error below 3e-7 in −87…88; constant beyond, NaN for NaN.
@inline(__always)
func exponential(_ x: Float) -> Float {
  let clamped = x < -87 ? -87 : x > 88 ? 88 : x
  // x = n ln 2 + r with |r| ≤ ln 2 / 2; ln 2 in two parts, the first with few enough bits that n · part is exact.
  let n = nearestInteger(clamped * 1.442695)
  let r = (clamped - n * 0.693_359_4) + n * 2.121_944_4e-4
  return power(n, r * 1.442695)
}

/// `1 + erf(x)`, absolute error below 1.5e-7; NaN for NaN.
///
/// `erfc(t) = 2^−P(t)` for `t = |x|`, `P` a polynomial without constant term on 0…4; beyond, erfc is below 1.6e-8.
@inline(__always)
func onePlusErrorFunction(_ x: Float) -> Float {
  let t = x < 0 ? -x : x
  let inside = t > 4 ? 4 : t
  var p: Float = -1.1604715e-05
  p = p * inside + 0.00015296353
  p = p * inside - 0.0008482315
  p = p * inside + 0.0022747803
  p = p * inside - 8.4799896e-05
  p = p * inside - 0.027724478
  p = p * inside + 0.1483079
  p = p * inside + 0.9184429
  p = p * inside + 1.6279073
  p *= -inside
  let n = nearestInteger(p)
  let complement = t > 4 ? 0 : power(n, p - n)
  return x < 0 ? complement : 2 - complement
}

/// Rounded to the nearest integer, for |x| < 2²²: adding 1.5 · 2²³ leaves no bits for a fraction.
@inline(__always)
private func nearestInteger(_ x: Float) -> Float { (x + 12_582_912) - 12_582_912 }

/// `2^(n + f)` for an integer `n` in −126…127 and |f| ≤ 0.5.
@inline(__always)
private func power(_ n: Float, _ f: Float) -> Float {
  var sum: Float = 0.00015353362
  sum = sum * f + 0.0013398875
  sum = sum * f + 0.009618437
  sum = sum * f + 0.055503324
  sum = sum * f + 0.24022648
  sum = sum * f + 0.6931472
  sum = sum * f + 1
  // n + 127 in the exponent bits is 2ⁿ; n + 1.5 · 2²³ holds n in its low bits.
  let scale = Float(bitPattern: ((n + 12_582_912).bitPattern &+ 127) << 23)
  return sum * scale
}
