package stock;

public final class Barcode {
    private final String digits;

    private Barcode(String digits) {
        this.digits = digits;
    }

    public static Barcode scan(String text) {
        String digits = text.replaceAll("[\\s-]", "");
        if (!digits.matches("\\d{13}")) {
            throw new IllegalArgumentException("13 digits expected: " + text);
        }
        if (checkDigit(digits.substring(0, 12)) != digits.charAt(12) - '0') {
            throw new IllegalArgumentException("misread: " + text);
        }
        return new Barcode(digits);
    }

    static int checkDigit(String twelve) {
        int sum = 0;
        for (int i = 0; i < twelve.length(); i++) {
            int digit = twelve.charAt(i) - '0';
            sum += i % 2 == 0 ? digit : 3 * digit;
        }
        return (10 - sum % 10) % 10;
    }

    public boolean isBook() {
        return digits.startsWith("978") || digits.startsWith("979");
    }

    @Override
    public String toString() {
        return digits;
    }
}
