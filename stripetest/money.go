package stripetest

import (
	"math"
	"math/big"
)

// Amounts are integers in the currency's minor unit. Products and shares are
// computed exactly and rounded half away from zero once, at the end.

func roundHalfUp(f float64) int64 { return int64(math.Round(f)) }

// share is amount × part ÷ whole.
func share(amount, part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return round(new(big.Rat).SetFrac(
		new(big.Int).Mul(big.NewInt(amount), big.NewInt(part)), big.NewInt(whole)))
}

// percentOf is amount × percent ÷ 100; the percentage is taken as the decimal
// that it was written as.
func percentOf(amount int64, percent float64) int64 {
	const scale = 1_000_000
	return share(amount, int64(math.Round(percent*scale)), 100*scale)
}

// amountOf is what a quantity costs.
func (p *price) amountOf(quantity int64) int64 {
	switch p.tiersMode {
	case "volume":
		for _, t := range p.tiers {
			if t.upTo == 0 || quantity <= t.upTo {
				return quantity*t.unit + t.flat
			}
		}
	case "graduated":
		var sum, below int64
		for _, t := range p.tiers {
			if quantity <= below && below > 0 {
				break
			}
			in := quantity - below
			if t.upTo != 0 {
				in = min(in, t.upTo-below)
			}
			sum += in*t.unit + t.flat
			below = t.upTo
			if t.upTo == 0 {
				break
			}
		}
		return sum
	}
	unit, ok := new(big.Rat).SetString(p.unitDecimal)
	if !ok {
		return p.unitAmount * quantity
	}
	return round(unit.Mul(unit, new(big.Rat).SetInt64(quantity)))
}

func round(r *big.Rat) int64 {
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		half.Neg(half)
	}
	r.Add(r, half)
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}
