package config

import "strings"

// nearest returns the known name that an unknown one was probably meant to be: one or two slips of the pen away (a
// third of the letters in a short name), or the same last word in another section. Empty if none is near.
func nearest(name string, known []string) string {
	best, bestSlips := "", 3
	for _, k := range known {
		if n := slips(name, k); n < bestSlips && n*3 <= len(name) {
			best, bestSlips = k, n
		}
	}
	if best != "" {
		return best
	}
	for _, k := range known {
		if lastWord(k) == lastWord(name) {
			return k
		}
	}
	return ""
}

// lastWord is what follows the last dot.
func lastWord(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// slips counts the letters that must be added, dropped, changed or swapped with their neighbour to make b of a
// (Damerau's distance, optimal string alignment).
func slips(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
