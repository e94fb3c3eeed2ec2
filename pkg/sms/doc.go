// Package sms knows what fits into a text message: the GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1, formerly GSM
// 03.38), the UCS-2 fall-back, and how a long text is cut into segments (3GPP TS 23.040 §9.2.3.24.1).
//
// It guarantees that the segments of Split, put together, are the text; that each fits its segment; and that no
// escape pair and no surrogate pair is cut in two. It never changes a text: a letter that is not in the alphabet makes the whole
// message UCS-2, it is never replaced by another. Measure names these letters. National single-shift and locking-shift tables
// (3GPP TS 23.038 §6.2.1.2) are never used: no carrier promises that phones show them.
package sms
