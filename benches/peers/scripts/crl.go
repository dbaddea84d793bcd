// Makes CRLs with x509.CreateRevocationList.
//
//	crl CA.pem CA.key ENTRIES THIS_UPDATE NEXT_UPDATE NUMBER
//
// An empty line has it make one, and answer how many seconds that took; any other line is a file to
// write the last one to.
package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

type entry struct {
	serial [16]byte
	date   int64
	reason int
}

func main() {
	issuer := must(x509.ParseCertificate(block(os.Args[1])))
	key := must(x509.ParsePKCS8PrivateKey(block(os.Args[2]))).(crypto.Signer)
	entries := read(os.Args[3])
	template := x509.RevocationList{
		ThisUpdate: at(number(os.Args[4])),
		NextUpdate: at(number(os.Args[5])),
		Number:     big.NewInt(number(os.Args[6])),
	}
	fmt.Println("CreateRevocationList of", runtime.Version())
	var der []byte
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if path := lines.Text(); path != "" {
			check(os.WriteFile(path, der, 0o644))
			fmt.Println(0)
			continue
		}
		der = nil
		start, ran := time.Now(), processorTime()
		template.RevokedCertificateEntries = convert(entries)
		der = must(x509.CreateRevocationList(rand.Reader, &template, issuer, key))
		fmt.Println(min(time.Since(start), processorTime()-ran).Seconds())
		template.RevokedCertificateEntries = nil
	}
}

// Of all threads, collecting garbage included.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func convert(entries []entry) []x509.RevocationListEntry {
	converted := make([]x509.RevocationListEntry, len(entries))
	for i := range entries {
		converted[i] = x509.RevocationListEntry{
			SerialNumber:   new(big.Int).SetBytes(entries[i].serial[:]),
			RevocationTime: at(entries[i].date),
			ReasonCode:     entries[i].reason,
		}
	}
	return converted
}

// Each takes 21 octets: the serial number, the date, the reason.
func read(path string) []entry {
	octets := must(os.ReadFile(path))
	entries := make([]entry, len(octets)/21)
	for i := range entries {
		from := octets[21*i : 21*i+21]
		copy(entries[i].serial[:], from)
		entries[i].date = int64(binary.BigEndian.Uint32(from[16:]))
		entries[i].reason = int(from[20])
	}
	return entries
}

func at(seconds int64) time.Time {
	return time.Unix(seconds, 0).UTC()
}

func number(text string) int64 {
	return must(strconv.ParseInt(text, 10, 64))
}

func block(path string) []byte {
	block, _ := pem.Decode(must(os.ReadFile(path)))
	return block.Bytes
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
