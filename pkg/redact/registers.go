package redact

// register is a national id by its own name: several have one kind.
type register uint8

const (
	noRegister register = iota
	cprNumber
	cprWithoutCheck
	replacementCPR
	nationalECPR
	medicineECPR
	regionalECPR
	faroeseNumber
	personNumber
	personNumberPlus
	coordinationNumber
	interimNumber
	reserveStockholm
	reserveWest
	reserveVarmland
	reserveSkane
	reserveCarelink
	reserveNational
	birthNumber
	birthNumber2032
	dNumber
	hNumber
	fhNumber
	syntheticNumber
	dufNumber
	hetuCode
	hetuCodeWrong
	kennitalaNumber
	kennitalaWrong
	systemKennitala
	taxNumber
	healthNumber
)

// registers says the kind and the name of each.
var registers = [...]struct{ kind, name string }{
	noRegister:         {},
	cprNumber:          {KindCPR, "CPR-nummer"},
	cprWithoutCheck:    {KindCPRNoMod11, "CPR-nummer without mod 11"},
	replacementCPR:     {KindCPRRepl, "erstatningspersonnummer"},
	nationalECPR:       {KindECPR, "X-eCPR"},
	medicineECPR:       {KindECPR, "C-eCPR"},
	regionalECPR:       {KindECPR, "D-eCPR"},
	faroeseNumber:      {KindFO, "p-tal"},
	personNumber:       {KindSE, "personnummer"},
	personNumberPlus:   {KindSE, "personnummer over 100 years"},
	coordinationNumber: {KindSE, "samordningsnummer"},
	interimNumber:      {KindSEInterim, "interimspersonnummer"},
	reserveStockholm:   {KindSEResv, "reservnummer Region Stockholm"},
	reserveWest:        {KindSEResv, "reservnummer Västra Götaland"},
	reserveVarmland:    {KindSEResv, "reservnummer Värmland"},
	reserveSkane:       {KindSEResv, "reservnummer Skåne"},
	reserveCarelink:    {KindSEResv, "reservnummer Carelink"},
	reserveNational:    {KindSEResv, "nationellt reservid"},
	birthNumber:        {KindNO, "fødselsnummer"},
	birthNumber2032:    {KindNO2032, "fødselsnummer of the 2032 rule"},
	dNumber:            {KindNO, "D-nummer"},
	hNumber:            {KindNO, "H-nummer"},
	fhNumber:           {KindNO, "FH-nummer"},
	syntheticNumber:    {KindNO, "synthetic fødselsnummer"},
	dufNumber:          {KindNO, "DUF-nummer"},
	hetuCode:           {KindFI, "henkilötunnus"},
	hetuCodeWrong:      {KindFINoCheck, "henkilötunnus"},
	kennitalaNumber:    {KindIS, "kennitala"},
	kennitalaWrong:     {KindISNoCheck, "kennitala"},
	systemKennitala:    {KindISSystem, "kerfiskennitala"},
	taxNumber:          {KindDE, "Steuer-IdNr"},
	healthNumber:       {KindDE, "KVNR"},
}

// Names lists all that Finding.Name may say.
var Names = func() []string {
	var names []string
	for _, r := range registers[1:] {
		if len(names) == 0 || names[len(names)-1] != r.name {
			names = append(names, r.name)
		}
	}
	return names
}()

func (r register) kind() string { return registers[r].kind }

// cpr names a CPR number of which the date was read.
func cpr(d []byte, repl bool) register {
	switch {
	case repl:
		return replacementCPR
	case dkMod11(d):
		return cprNumber
	}
	return cprWithoutCheck
}

// labelled names digits that no rule fits behind a word that calls them somebody's number.
func labelled(h class, n int) register {
	switch {
	case h&cHintDK != 0:
		return cprWithoutCheck
	case h&cHintReserve != 0:
		return reserveNational
	case h&cHintSE != 0:
		return personNumber
	case h&cHintNO != 0:
		return birthNumber
	case h&cHintDUF != 0:
		return dufNumber
	case h&cHintFI != 0:
		return hetuCodeWrong
	case h&cHintIS != 0:
		return kennitalaWrong
	case h&cHintDE != 0 && n < 11:
		return healthNumber
	case h&cHintDE != 0:
		return taxNumber
	}
	return noRegister
}

// ecpr names an eCPR by the digit before its letters (nspop.dk, wiki.fmk-teknik.dk).
func ecpr(c byte) register {
	switch c {
	case 1, 7:
		return nationalECPR
	case 0, 6:
		return medicineECPR
	}
	return regionalECPR
}

// swedish names ten digits that begin with a Swedish date.
func swedish(sam, plus bool) register {
	switch {
	case sam:
		return coordinationNumber
	case plus:
		return personNumberPlus
	}
	return personNumber
}

// norwegian names eleven digits that begin with a Norwegian date, by what was added to its day and month.
func norwegian(d []byte) register {
	switch month := two(d[2:]); {
	case month > 65:
		return syntheticNumber
	case month > 40:
		return hNumber
	case two(d) > 40:
		return dNumber
	}
	return birthNumber
}

// icelandic names ten digits that begin with an Icelandic date.
func icelandic(d []byte) register {
	if isCentury(d) && isCheck(d) {
		return kennitalaNumber
	}
	return kennitalaWrong
}

// finnish names a henkilötunnus of which the date was read, by its control character.
func finnish(date []byte, tail string) register {
	if fiCheck(date, []byte{tail[0] - '0', tail[1] - '0', tail[2] - '0'}) == upper(tail[3]) {
		return hetuCode
	}
	return hetuCodeWrong
}

// upper is the capital of a letter; a digit stays.
func upper(c byte) byte {
	if isLetter(c) {
		return c &^ 0x20
	}
	return c
}
