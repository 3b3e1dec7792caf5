package main

import (
	"fmt"
	"slices"
	"time"
)

// contender is one of several things that take turns.
type contender struct {
	name string
	once func() (time.Duration, error)
}

// series is how long a contender took, sorted.
type series struct {
	name  string
	times []time.Duration
}

// takeTurns measures contenders in rounds, in alternating order. The first rounds, which fill caches, do not count.
func takeTurns(rounds int, contenders ...contender) ([]series, error) {
	const warmUp = 5
	out := make([]series, len(contenders))
	for round := range rounds + warmUp {
		for turn := range contenders {
			i := turn
			if round%2 == 1 {
				i = len(contenders) - 1 - turn
			}
			d, err := contenders[i].once()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
			}
			if round >= warmUp {
				out[i].times = append(out[i].times, d)
			}
		}
	}
	for i := range out {
		out[i].name = contenders[i].name
		slices.Sort(out[i].times)
		fmt.Printf("  %-42s p50 %8s  p99 %8s  of %d\n", out[i].name, micros(out[i].percentile(50)), micros(out[i].percentile(99)), rounds)
	}
	return out, nil
}

func (s *series) sort() { slices.Sort(s.times) }

func micros(d time.Duration) string { return fmt.Sprintf("%d µs", d.Microseconds()) }

// percentile returns the time that p percent of the rounds did not exceed. There is at least one round.
func (s series) percentile(p int) time.Duration { return s.times[(len(s.times)-1)*p/100] }

// median returns the median in milliseconds.
func (s series) median() float64 { return milliseconds(s.percentile(50)) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ratio returns the first series' median in units of the second's.
func ratio(s []series) float64 { return s[0].median() / s[1].median() }
