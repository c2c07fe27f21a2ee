package ring

import (
	"hash/crc32"
	"sort"
	"strconv"
)

// Ring spreads keys over servers so that adding or removing one server moves
// only the keys that belonged to it.
type Ring struct {
	replicas int
	points   []uint32
	owner    map[uint32]string
}

func New(replicas int, nodes ...string) *Ring {
	r := &Ring{replicas: replicas, owner: make(map[uint32]string)}
	for _, node := range nodes {
		r.Add(node)
	}
	return r
}

func point(text string) uint32 {
	return crc32.ChecksumIEEE([]byte(text))
}

func (r *Ring) Add(node string) {
	for i := 0; i < r.replicas; i++ {
		p := point(strconv.Itoa(i) + "/" + node)
		if _, taken := r.owner[p]; taken {
			continue
		}
		r.owner[p] = node
		r.points = append(r.points, p)
	}
	sort.Slice(r.points, func(a, b int) bool { return r.points[a] < r.points[b] })
}

func (r *Ring) Remove(node string) {
	kept := r.points[:0]
	for _, p := range r.points {
		if r.owner[p] == node {
			delete(r.owner, p)
		} else {
			kept = append(kept, p)
		}
	}
	r.points = kept
}

func (r *Ring) Lookup(key string) (string, bool) {
	if len(r.points) == 0 {
		return "", false
	}
	h := point(key)
	i := sort.Search(len(r.points), func(i int) bool { return r.points[i] >= h })
	if i == len(r.points) {
		i = 0
	}
	return r.owner[r.points[i]], true
}
