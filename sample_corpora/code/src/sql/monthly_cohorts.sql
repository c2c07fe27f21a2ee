-- Share of each month's new buyers who order again in the months after.

WITH first_order AS (
    SELECT customer_id,
           date_trunc('month', min(ordered_at)) AS cohort
    FROM orders
    WHERE status <> 'cancelled'
    GROUP BY customer_id
),
activity AS (
    SELECT DISTINCT
           o.customer_id,
           f.cohort,
           (extract(year FROM age(date_trunc('month', o.ordered_at), f.cohort)) * 12
            + extract(month FROM age(date_trunc('month', o.ordered_at), f.cohort)))::int
               AS months_later
    FROM orders o
    JOIN first_order f USING (customer_id)
    WHERE o.status <> 'cancelled'
),
sizes AS (
    SELECT cohort, count(*) AS buyers FROM first_order GROUP BY cohort
)
SELECT a.cohort::date AS cohort,
       s.buyers,
       a.months_later,
       round(100.0 * count(*) / s.buyers, 1) AS percent_back
FROM activity a
JOIN sizes s USING (cohort)
GROUP BY a.cohort, s.buyers, a.months_later
ORDER BY a.cohort, a.months_later;
