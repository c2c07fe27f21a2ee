package index

import (
	"math"
	"sort"
	"strings"
	"unicode"
)

type Posting struct {
	Doc   int
	Count int
}

type Inverted struct {
	lists   map[string][]Posting
	lengths []int
	total   int
}

func NewInverted() *Inverted {
	return &Inverted{lists: make(map[string][]Posting)}
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func (x *Inverted) Add(text string) int {
	doc := len(x.lengths)
	counts := make(map[string]int)
	tokens := words(text)
	for _, w := range tokens {
		counts[w]++
	}
	for w, n := range counts {
		x.lists[w] = append(x.lists[w], Posting{doc, n})
	}
	x.lengths = append(x.lengths, len(tokens))
	x.total += len(tokens)
	return doc
}

// Search ranks documents with the BM25 formula.
func (x *Inverted) Search(query string, max int) []int {
	const k1, b = 1.2, 0.75
	n := float64(len(x.lengths))
	mean := float64(x.total) / math.Max(1, n)
	scores := make(map[int]float64)
	for _, w := range words(query) {
		list := x.lists[w]
		df := float64(len(list))
		idf := math.Log(1 + (n-df+0.5)/(df+0.5))
		for _, p := range list {
			tf := float64(p.Count)
			norm := k1 * (1 - b + b*float64(x.lengths[p.Doc])/mean)
			scores[p.Doc] += idf * tf * (k1 + 1) / (tf + norm)
		}
	}
	docs := make([]int, 0, len(scores))
	for doc := range scores {
		docs = append(docs, doc)
	}
	sort.Slice(docs, func(i, j int) bool { return scores[docs[i]] > scores[docs[j]] })
	return docs[:min(max, len(docs))]
}
