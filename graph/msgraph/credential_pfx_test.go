package msgraph_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"unicode/utf16"
)

// The object identifiers of RFC 7292 that a PFX of one key and one certificate
// takes.
var (
	oidData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidCertBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidShrouded    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidX509        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidSHA1And3DES = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBES2       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidSHA1        = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

// modern names the encryption that OpenSSL 3 writes by default; what follows is
// none, for a reader that does not know it does not get that far.
var modern = oidPBES2

type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	safeBag struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	derivation struct {
		Salt       []byte
		Iterations int
	}
	digest struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	mac struct {
		Digest     digest
		Salt       []byte
		Iterations int
	}
	pfxFile struct {
		Version int
		Safe    contentInfo
		MAC     mac
	}
)

// pfx is the key pair in PFX, encrypted as every reader can: SHA-1 and triple
// DES.
func (k keyPair) pfx(t *testing.T, password string, algorithm ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	der := func(value any) []byte {
		text, err := asn1.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	explicit := func(content []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: content}
	}
	data := func(content []byte) contentInfo { return contentInfo{oidData, explicit(der(content))} }

	const rounds = 2048
	salt := []byte("saltsalt")
	block, err := des.NewTripleDESCipher(derive(password, salt, rounds, 1, 24))
	if err != nil {
		t.Fatal(err)
	}
	key := k.pkcs8(t)
	padding := block.BlockSize() - len(key)%block.BlockSize()
	key = append(key, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, derive(password, salt, rounds, 2, 8)).CryptBlocks(key, key)

	encryption := oidSHA1And3DES
	if len(algorithm) > 0 {
		encryption = algorithm[0]
	}
	shrouded := der(encryptedKey{
		pkix.AlgorithmIdentifier{Algorithm: encryption, Parameters: asn1.RawValue{FullBytes: der(derivation{salt, rounds})}}, key,
	})
	certificate := der(safeBag{oidX509, explicit(der(k.certificate.Raw))})
	safe := der([]contentInfo{
		data(der([]safeBag{{oidCertBag, explicit(certificate)}})),
		data(der([]safeBag{{oidShrouded, explicit(shrouded)}})),
	})
	sum := hmac.New(sha1.New, derive(password, salt, rounds, 3, sha1.Size))
	sum.Write(safe)
	return der(pfxFile{3, data(safe), mac{
		digest{pkix.AlgorithmIdentifier{Algorithm: oidSHA1, Parameters: asn1.NullRawValue}, sum.Sum(nil)}, salt, rounds,
	}})
}

// derive is the key derivation of RFC 7292, appendix B, with SHA-1. purpose is
// 1 for a key, 2 for an initialisation vector, 3 for a MAC.
func derive(password string, salt []byte, rounds int, purpose byte, size int) []byte {
	const width = 64 // of SHA-1's block
	fill := func(text []byte) []byte {
		if len(text) == 0 {
			return nil
		}
		return bytes.Repeat(text, (width+len(text)-1)/len(text))[:width]
	}
	var wide []byte // UTF-16, big-endian, with a zero at the end
	for _, unit := range append(utf16.Encode([]rune(password)), 0) {
		wide = append(wide, byte(unit>>8), byte(unit))
	}
	input := append(fill(salt), fill(wide)...)
	var out []byte
	for len(out) < size {
		sum := sha1.Sum(append(bytes.Repeat([]byte{purpose}, width), input...))
		for range rounds - 1 {
			sum = sha1.Sum(sum[:])
		}
		out = append(out, sum[:]...)
		add := new(big.Int).Add(new(big.Int).SetBytes(fill(sum[:])), big.NewInt(1))
		for at := 0; at < len(input); at += width {
			n := new(big.Int).Add(new(big.Int).SetBytes(input[at:at+width]), add).Bytes()
			n = append(make([]byte, width), n...)
			copy(input[at:at+width], n[len(n)-width:])
		}
	}
	return out[:size]
}
