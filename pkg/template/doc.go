// Package template reads message templates and renders them with the facts of one appointment.
//
// A template is a file <language>/<set>.<channel>.txt of UTF-8 text. An SMS file is the text. An e-mail file begins with the
// line "Subject: ..." and a blank line. Both may begin with "Class: 1.5", the content class of the literal text as its author
// declares it (default 0), followed by a blank line where no Subject follows. An e-mail file may say "HTML: yes" beside its subject, to
// have the text as HTML besides, and "Calendar: yes", to have the appointment as a calendar file. An SMS file may say "Letters: plain",
// to have the letters of its own text written otherwise that make a message dearer (see Template.Rewrites). In the text
//
//	{date}                    stands for a fact of the closed catalogue
//	[, entrance {entrance}]   is left out when a fact in it is empty, or where the message would be too long
//
// and there is nothing else: no conditions, no functions, no nesting, no way to write a brace or bracket.
//
// The set is the purpose's name, or another that a unit names for the purpose in the unit directory. The purpose reply has a set for
// each fixed answer: the name, a hyphen and the answer's, as in reply-not-cancelled (see reminder.AnswerTexts). An answer may show
// {unit}, {phone} and {mail} alone.
//
// It guarantees that a template which loaded has no unknown placeholder and no invisible letter, that a placeholder which
// may be empty stands in brackets, and that the spans of a rendered part cover every byte in order, so that whoever scans the
// text knows which byte is approved literal text and which is the value of which fact. Dates and times are written in the
// recipient's language and never as bare digits.
//
// Lint tells what a text must say and does not, or says and must not, with file, line and column. Its word lists, one a
// language, are a help for authors and approvers: they know the usual words of specialties, diagnoses, procedures and drugs, of
// questions, requests, results and advertising. A text that passes them still needs a reader.
//
// It must never render a fact that is missing as an empty text, nor anything that is not in reminder.Facts.
package template
